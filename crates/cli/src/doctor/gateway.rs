//! The gateway's configuration. In: its file, and the variables that it reads. Out: values by JSON pointers.
//!
//! Never: reads what the gateway would not; a value that cannot be known here stays unknown.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{configuration::env, exit::Usage};

/// Where the gateway listens unless it says otherwise.
const PORT: u64 = 18_789;

/// Bytes of a configuration at most; real ones have some thousand.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How deep it may be nested: the parser's stack grows with it.
const DEPTH_MAX: usize = 100;

/// What is known of a gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Its configuration.
    pub(crate) file: PathBuf,
    /// The folder of its state.
    pub(crate) state: PathBuf,
    config: Value,
    /// Variables of its `.env`.
    variables: BTreeMap<String, String>,
}

impl Gateway {
    /// Reads the file, or the one where the gateway looks.
    ///
    /// # Errors
    /// [`Usage`], when there is none, or it cannot be read.
    pub(crate) fn read(file: Option<PathBuf>) -> anyhow::Result<Self> {
        let home = env("HOME");
        let state = env("OPENCLAW_STATE_DIR").unwrap_or_else(|| "~/.openclaw".to_owned());
        let state = expanded(&state, home.as_deref());
        let configured = || env("OPENCLAW_CONFIG_PATH").map(|file| expanded(&file, home.as_deref()));
        let named = file.or_else(configured);
        let state = match named.as_deref().and_then(std::path::Path::parent) {
            // A gateway keeps its state beside its configuration, unless it is told otherwise.
            Some(folder) if env("OPENCLAW_STATE_DIR").is_none() => folder.to_owned(),
            _ => state,
        };
        let file = named.unwrap_or_else(|| state.join("openclaw.json"));
        let text = read_file(&file).map_err(|error| {
            Usage(format!(
                "{}: {error}; name the configuration of the gateway with --gateway-config, or run this as its user",
                file.display()
            ))
        })?;
        if !is_flat_enough(&text) {
            return Err(Usage(format!("{}: nested deeper than {DEPTH_MAX}", file.display())).into());
        }
        let config = json5::from_str(&text).map_err(|error| Usage(format!("{}: {error}", file.display())))?;
        let variables = read_file(&state.join(".env")).unwrap_or_default();
        Ok(Self { file, state, config, variables: variables.lines().filter_map(variable).collect() })
    }

    /// A value; null where there is none.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.config.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A text as it stands in the file.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer).as_str().filter(|text| !text.is_empty())
    }

    /// A text with the variables in it; nothing where one of them is not known here.
    pub(crate) fn resolved(&self, pointer: &str) -> Option<String> {
        let mut rest = self.text(pointer)?;
        let mut whole = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            whole.push_str(before);
            whole.push_str(&self.variable(name)?);
            rest = after;
        }
        whole.push_str(rest);
        Some(whole)
    }

    /// A variable that the gateway reads. Its own environment is not known here; what is set here may be set there.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let configured = || self.at("/env/vars").get(name)?.as_str().map(str::to_owned);
        env(name).or_else(|| self.variables.get(name).cloned()).or_else(configured)
    }

    /// The names of the variables that its configuration and its `.env` set, for itself or for what it starts.
    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &str> {
        let of_parts = ["/mcp/servers", "/skills/entries"];
        let of_parts = of_parts.into_iter().filter_map(|place| self.at(place).as_object()).flatten();
        let configured = [self.at("/env/vars"), self.at("/env")].into_iter();
        let configured = configured.chain(of_parts.map(|(_, part)| &part["env"]));
        let names = configured.filter_map(Value::as_object).flatten().map(|(name, _)| name.as_str());
        names.chain(self.variables.keys().map(String::as_str))
    }

    /// Whether parts of it stand in other files, which are not read here.
    pub(crate) fn includes(&self) -> bool {
        fn includes(value: &Value) -> bool {
            match value {
                Value::Object(members) => members.contains_key("$include") || members.values().any(includes),
                Value::Array(items) => items.iter().any(includes),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            }
        }
        includes(&self.config)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u64 {
        self.at("/gateway/port").as_u64().unwrap_or(PORT)
    }

    /// Where it takes hooks.
    pub(crate) fn hooks_path(&self) -> String {
        let path = self.text("/hooks/path").unwrap_or("/hooks").trim_end_matches('/');
        format!("/{}", path.trim_start_matches('/'))
    }
}

/// The text of a file, if it is one: a pipe would never end.
pub(crate) fn read_file(file: &Path) -> io::Result<String> {
    let about = std::fs::metadata(file)?;
    if !about.is_file() || about.len() > BYTES_MAX {
        let problem = format!("not a file of at most {BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    let mut text = String::new();
    File::open(file)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether its brackets are not nested too deep. Those in texts and comments count as well, which no real file notices.
fn is_flat_enough(text: &str) -> bool {
    let mut depth: usize = 0;
    text.bytes().all(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= DEPTH_MAX
    })
}

/// One line of a `.env`.
fn variable(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let value = value.trim();
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    (!name.starts_with('#')).then(|| (name.trim().to_owned(), bare.unwrap_or(value).to_owned()))
}

/// A path that begins with the home folder, in full.
pub(crate) fn expanded(path: &str, home: Option<&str>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
