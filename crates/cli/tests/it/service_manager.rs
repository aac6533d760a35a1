//! What a service manager sees: exit codes, and the datagrams of `Type=notify`.

use std::os::unix::net::UnixDatagram;

use crate::harness::{Fleet, PATIENCE};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    fn address(&self) -> String {
        self.folder.path().join("notify").to_str().unwrap().to_owned()
    }

    /// What it is told next, by names.
    fn told(&self) -> Vec<String> {
        let mut datagram = [0; 512];
        let length = self.socket.recv(&mut datagram).unwrap();
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        text.lines().map(|line| line.split('=').next().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_systemd_is_told_when_it_listens_reloads_and_stops() {
    let manager = Manager::new();
    let env = vec![("NOTIFY_SOCKET".to_owned(), manager.address())];
    let mut fleet = Fleet::start_roles(&[&[]], "", env).await;
    assert_eq!(manager.told(), ["READY"]);
    fleet.signal(0, "-HUP");
    assert_eq!(manager.told(), ["RELOADING", "MONOTONIC_USEC"]);
    assert_eq!(manager.told(), ["READY"]);
    // A configuration with an error keeps the old one in force, and the reload is over all the same.
    std::fs::write(fleet.folder.path().join("workflows/bad.toml"), "evnt = 1\n").unwrap();
    fleet.signal(0, "-HUP");
    assert_eq!((manager.told().len(), manager.told()), (2, vec!["READY".to_owned()]));
    assert_eq!(fleet.terminate(), Some(0));
    assert_eq!(manager.told(), ["STOPPING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_mistake_in_the_configuration_has_an_exit_code_of_its_own() {
    let mut fleet = Fleet::start().await;
    fleet.kill();
    std::fs::write(fleet.folder.path().join("workflows/bad.toml"), "evnt = 1\n").unwrap();
    for command in [&["serve"][..], &["check"]] {
        let output = fleet.run(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{command:?}: {said}");
        assert!(said.contains("bad.toml:1: unknown key"), "{said}");
    }
    std::fs::remove_file(fleet.folder.path().join("workflows/bad.toml")).unwrap();
    let output = fleet.callout(&["serve"]).env_remove("TWILIO_AUTH_TOKEN").output().unwrap();
    assert_eq!(output.status.code(), Some(78), "a secret is missing");
}

/// As `tmpfiles.d/callout.conf` makes it, before there is a database.
#[tokio::test(flavor = "multi_thread")]
async fn h6_a_link_leads_to_the_database_and_operators_find_its_socket() {
    let state = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::start().await;
    fleet.terminate();
    let database = fleet.folder.path().join("callout.db");
    std::fs::remove_file(&database).unwrap();
    std::os::unix::fs::symlink(state.path().join("callout.db"), &database).unwrap();
    fleet.serve().await;
    let mut names: Vec<_> =
        std::fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(
        ["callout.db", "callout.db.lock", "callout.db.sock"]
            .iter()
            .all(|name| names.contains(&(*name).into())),
        "{names:?}"
    );
    assert_eq!(fleet.json(&["reload"])["changed"], serde_json::json!([]));
}
