//! A shell that starts, kills and restarts a server on command, and kills it when the test process is gone.
//!
//! In: lines on its standard input. Out: a line for each once it is done.
//! Never: outlives its pipe. A test process that panics, is killed or just ends closes the pipe; then the server dies and
//! its directory goes. Nothing else does that for a server that is shared through a `static`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

/// `run` starts the server in a session of its own, so that one signal reaches all of its processes.
const SCRIPT: &str = r#"
pid=
stop() { [ -n "$pid" ] && { kill -s KILL -- "-$pid"; wait "$pid"; } 2>/dev/null; pid=; }
while read -r order; do
    case "$order" in
        start) setsid sh -c "$SERVER_COMMAND" >>"$SERVER_DIRECTORY/out" 2>&1 </dev/null & pid=$!
            echo "$pid" >"$SERVER_DIRECTORY/session" ;;
        kill) stop ;;
    esac
    echo done
done
stop
rm -rf -- "$SERVER_DIRECTORY"
"#;

/// One supervised server.
#[derive(Debug)]
pub(crate) struct Supervisor {
    directory: PathBuf,
    pipes: Mutex<Pipes>,
    shell: Mutex<Child>,
}

#[derive(Debug)]
struct Pipes {
    // `None` once the server must go.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// A shell that will run `command`, a line of shell, and remove `directory` in the end.
    pub(crate) fn new(command: &str, directory: PathBuf, environment: &[(&str, String)]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .env("SERVER_COMMAND", command)
            .env("SERVER_DIRECTORY", &directory)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal must not take the shell before it has cleaned up.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("its output is piped"));
        Self { directory, pipes: Mutex::new(Pipes { orders, answers }), shell: Mutex::new(shell) }
    }

    /// Starts the server; it may not be ready yet.
    pub(crate) fn start(&self) {
        self.order("start");
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill(&self) {
        self.order("kill");
    }

    /// All processes of the server that runs: those of its session.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let session = std::fs::read_to_string(self.directory.join("session")).unwrap_or_default();
        let folders = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name in brackets may hold spaces; state, parent, group and session follow it.
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            after_name.split_whitespace().nth(3) == Some(session.trim())
        })
        .collect()
    }

    fn order(&self, order: &str) {
        let mut pipes = self.pipes.lock().unwrap();
        let orders = pipes.orders.as_mut().expect("the server is still wanted");
        writeln!(orders, "{order}").expect("the shell reads");
        let mut answer = String::new();
        pipes.answers.read_line(&mut answer).expect("the shell answers");
        assert_eq!(answer, "done\n", "the shell ran the command");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The end of its input is its last order.
        drop(self.pipes.get_mut().ok().and_then(|pipes| pipes.orders.take()));
        drop(self.shell.get_mut().map(|shell| shell.wait()));
    }
}
