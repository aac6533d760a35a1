//! The official inspector on both transports and in both eras. In: its command line. Out: what it made of the server.

use std::process::Command;

use serde_json::{Value, json};

use super::packages::{self, node};
use crate::agents::{ALL, World, duty};

const SCRIPT: &str = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

struct Inspector<'a> {
    world: &'a World,
    /// The servers as its file of configuration names them.
    config: std::path::PathBuf,
}

impl Inspector<'_> {
    fn new<'a>(world: &'a World, token: &str) -> Inspector<'a> {
        let folder = world.fleet.folder.path();
        let file = folder.join("token");
        std::fs::write(&file, token).unwrap();
        let (api, url) = (format!("http://{}/mcp", world.api), format!("http://{}", world.api));
        let http = |era: &str| json!({"type": "streamable-http", "url": api, "headers": {"Authorization": format!("Bearer {token}")}, "protocolEra": era});
        let stdio = |era: &str| json!({"type": "stdio", "command": "callout", "args": ["mcp"], "env": {"CALLOUT_URL": url, "CALLOUT_TOKEN_FILE": file}, "protocolEra": era});
        let servers = json!({"mcpServers": {
            "http-legacy": http("legacy"), "http-modern": http("modern"),
            "stdio-legacy": stdio("legacy"), "stdio-modern": stdio("modern"),
        }});
        let config = folder.join("inspector.json");
        std::fs::write(&config, servers.to_string()).unwrap();
        Inspector { world, config }
    }

    fn command(&self, server: &str, args: &[&str]) -> Command {
        let mut command = node(SCRIPT, self.world.fleet.folder.path());
        command.env("MCP_INSPECTOR_SECRET_STORE", "memory").arg("--cli").arg("--config").arg(&self.config);
        command.args(["--server", server, "--stored-auth-only", "--format", "json"]).args(args);
        command
    }

    fn json(&self, server: &str, args: &[&str]) -> Value {
        packages::json(&mut self.command(server, args))["result"].clone()
    }

    fn call(&self, server: &str, tool: &str, arguments: &Value) -> (Option<i32>, String) {
        let arguments = arguments.to_string();
        let args = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", &arguments];
        packages::output(&mut self.command(server, &args))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `cargo xtask agents-test`, which installs what it needs"]
async fn the_inspector_sees_the_tools_on_both_transports_in_both_eras() {
    let world = World::start().await;
    let inspector = Inspector::new(&world, &world.token(&ALL, &["--agent"]));
    for (index, server) in
        ["http-legacy", "http-modern", "stdio-legacy", "stdio-modern"].into_iter().enumerate()
    {
        let version = if server.ends_with("modern") { "2026-07-28" } else { "2025-11-25" };
        let initialized = inspector.json(server, &["--method", "initialize"]);
        assert_eq!(initialized["protocolVersion"], version, "{server}: {initialized}");
        // Strict: whatever some client could not take is an error.
        let (code, said) =
            packages::output(&mut inspector.command(server, &["--method", "tools/list", "--strict"]));
        assert_eq!(code, Some(0), "{server}: {said}");
        assert!(said.contains("run_timeline") && !said.contains("unknown format"), "{server}: {said}");

        let id = format!("inspected-{index}");
        let (code, said) = inspector.call(server, "event_raise", &duty(&id, &id, "commit"));
        assert!(code == Some(0) && said.contains("created"), "{server}: {said}");
        // It holds answers to their schemas, and tells a refusal from a failure.
        let (code, said) = inspector.call(server, "runs_list", &json!({}));
        assert!(code == Some(0) && said.contains(&id), "{server}: {said}");
        let (code, said) = inspector.call(server, "run_timeline", &json!({"run_id": "r000000000000000000"}));
        assert!(code == Some(5) && said.contains("not_found"), "{server}: {code:?} {said}");
        let (code, said) = inspector.call(server, "event_raise", &json!({"to": "+14155550101"}));
        assert!(code == Some(5) && said.contains("invalid_arguments"), "{server}: {code:?} {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `cargo xtask agents-test`, which installs what it needs"]
async fn the_inspector_is_told_that_a_token_is_not_taken() {
    let world = World::start().await;
    let inspector = Inspector::new(&world, "callout_none");
    let (code, said) = packages::output(&mut inspector.command("http-modern", &["--method", "tools/list"]));
    assert_eq!(code, Some(3), "{said}");
}
