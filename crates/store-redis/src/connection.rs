//! Calls to the server.
//!
//! In: scripts and commands. Out: their answers, or the store's errors.
//! Never: gives up a call whose answer was lost before it is made once more: every script gives a repetition of a call
//! the answer of the call itself.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use domain::time::after_ms;
use futures::future::try_join_all;
use ports::{Clock, StoreError};
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, ToRedisArgs,
};

use crate::servers::{Map, Node, Servers};

/// How often a call is made when no answer comes.
const TRIES: u8 = 2;
/// How often a cluster may redirect a call, or ask to try again while a slot moves.
const REDIRECTS_MAX: u8 = 16;
/// How long a call waits for keys that are being moved, in milliseconds.
const MOVING_WAIT_MS: i64 = 50;
/// Where the keys of a script's call begin.
const FIRST_KEY: usize = 3;
/// What a change of a run has room for before its call must grow.
const CALL_ARGUMENTS: usize = 40;
const CALL_BYTES: usize = 2_048;
/// How long a token is: 40 bits, compared only with those of the same run and version. `common.lua` knows it as well.
const TOKEN_BYTES: u32 = 8;

/// The servers, and what makes calls repeatable.
pub(crate) struct Connection {
    servers: Servers,
    clock: Arc<dyn Clock>,
    /// Makes the tokens of calls. Random, since two processes must never choose the same tokens.
    names: RandomState,
    calls: AtomicU64,
    /// A connection broke, so the history may be another one. The caller that reads this checks it.
    broke: AtomicBool,
    /// The second in which connections were given up last.
    reconnected_s: AtomicI64,
    /// For tests: the first answer of every call is dropped.
    drops_answers: bool,
}

/// One call of a script, written as it will be sent: a change has thirty arguments, and each would be an allocation.
pub(crate) struct Call<'a> {
    script: &'a Script,
    command: Cmd,
}

impl<'a> Call<'a> {
    pub(crate) fn new(script: &'a Script, keys: impl ToRedisArgs) -> Self {
        let mut command = Cmd::with_capacity(CALL_ARGUMENTS, CALL_BYTES);
        command.arg("EVALSHA").arg(script.get_hash()).arg(keys.num_of_args()).arg(keys);
        Self { script, command }
    }

    pub(crate) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }
}

/// What a server is asked.
#[derive(Clone, Copy)]
enum Request<'a> {
    Call(&'a Call<'a>),
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
}

impl Request<'_> {
    async fn at<T: FromRedisValue>(self, node: &mut Node) -> RedisResult<T> {
        let call = match self {
            Self::Call(call) => call,
            Self::Command(command) => return command.query_async(node).await,
            Self::Pipeline(pipeline) => return pipeline.query_async(node).await,
        };
        match call.command.query_async(node).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call.script.load_async(node).await?;
                call.command.query_async(node).await
            }
            done => done,
        }
    }
}

impl Connection {
    pub(crate) fn new(servers: Servers, clock: Arc<dyn Clock>, drops_answers: bool) -> Self {
        Self {
            servers,
            clock,
            names: RandomState::new(),
            calls: AtomicU64::new(0),
            broke: AtomicBool::new(false),
            reconnected_s: AtomicI64::new(i64::MIN),
            drops_answers,
        }
    }

    /// A name for one call, which its repetitions share and nothing else does.
    ///
    /// A digest of the change is no such name: two workers that make the same change in the same millisecond would both
    /// get the answer that it is stored, and both would send.
    pub(crate) fn token(&self) -> String {
        let bits = self.names.hash_one(self.calls.fetch_add(1, Ordering::Relaxed));
        (0..TOKEN_BYTES).map(|n| char::from(crate::keys::ALPHABET[(bits >> (5 * n) & 31) as usize])).collect()
    }

    /// Whether a connection broke since this was asked last.
    pub(crate) fn take_broke(&self) -> bool {
        self.broke.swap(false, Ordering::AcqRel)
    }

    /// Makes the next [`Connection::take_broke`] return `true`.
    pub(crate) fn note_broke(&self) {
        self.broke.store(true, Ordering::Release);
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        let (key, request) = (argument(&call.command, FIRST_KEY), Request::Call(&call));
        if self.drops_answers {
            drop(self.repeated::<T>(key, request).await);
        }
        self.repeated(key, request).await
    }

    /// Runs a command on one key that may be repeated.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.repeated(argument(command, 1), Request::Command(command)).await
    }

    /// Runs a command that may be repeated at the server of a key that it does not name.
    pub(crate) async fn command_at<T: FromRedisValue>(
        &self,
        key: &str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        self.repeated(key.as_bytes(), Request::Command(command)).await
    }

    /// Runs commands on one key each that may be repeated. On a single server no other command comes between them.
    pub(crate) async fn commands<T: FromRedisValue>(&self, commands: Vec<Cmd>) -> Result<Vec<T>, StoreError> {
        if self.servers.is_cluster() {
            return try_join_all(commands.iter().map(|command| self.command(command))).await;
        }
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command);
        }
        self.repeated(b"", Request::Pipeline(&pipeline)).await
    }

    /// Runs a command that may be repeated on every server.
    pub(crate) async fn every<T: FromRedisValue>(&self, command: &Cmd) -> Result<Vec<T>, StoreError> {
        let seen = self.servers.map();
        match seen.every(command).await {
            Err(error) if self.is_lost(&error) => {
                self.servers.refresh(&seen).await;
                self.servers.map().every(command).await.map_err(|error| self.fault(&error))
            }
            done => done.map_err(|error| fault(&error)),
        }
    }

    /// Which shards may share a call: those with the same number. In a cluster a call has one slot.
    pub(crate) fn group_of(&self, shard: u8) -> u8 {
        if self.is_cluster() { shard } else { 0 }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.servers.is_cluster()
    }

    /// A key for each server.
    pub(crate) fn key_per_server(&self, key_of: impl Fn(u16) -> String) -> Vec<String> {
        self.servers.map().key_per_server(key_of)
    }

    /// Makes calls that do not need each other, at once.
    pub(crate) async fn calls<T: FromRedisValue>(
        &self,
        calls: impl IntoIterator<Item = Call<'_>>,
    ) -> Result<Vec<T>, StoreError> {
        try_join_all(calls.into_iter().map(|call| self.call(call))).await
    }

    /// Makes a call at the server of a key, again if its answer was lost, and wherever a cluster says.
    async fn repeated<T: FromRedisValue>(&self, key: &[u8], request: Request<'_>) -> Result<T, StoreError> {
        let (mut tries, mut redirects) = (1, 0);
        let mut redirected = None;
        loop {
            let seen = self.servers.map();
            let mut node = match redirected.take() {
                Some(node) => node,
                None => match seen.of(key) {
                    Ok(node) => node,
                    Err(error) => {
                        self.servers.refresh(&seen).await;
                        return Err(fault(&error));
                    }
                },
            };
            let error = match request.at(&mut node).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_lost = self.is_lost(&error);
            if is_lost || is_of_wrong_server(&error) {
                self.find_again(&seen, is_lost).await;
                if tries == TRIES {
                    return Err(fault(&error));
                }
                tries += 1;
                continue;
            }
            if redirects == REDIRECTS_MAX {
                return Err(fault(&error));
            }
            redirects += 1;
            let says = |kind| error.kind() == ErrorKind::Server(kind);
            if says(ServerErrorKind::Moved) {
                // A replica may have taken over.
                self.note_broke();
                redirected = self.servers.redirected(&error);
                self.servers.refresh(&seen).await;
            } else if says(ServerErrorKind::Ask) {
                redirected = self.servers.redirected(&error);
            } else if says(ServerErrorKind::TryAgain) {
                let soon = after_ms(self.clock.now(), MOVING_WAIT_MS);
                self.clock.sleep_until(soon).await;
            } else {
                return Err(fault(&error));
            }
        }
    }

    /// A connection that broke is made again by itself. One that leads to a server that is no primary, or no longer
    /// ours, stays as it is, so it is given up, though not more often than once a second.
    async fn find_again(&self, seen: &Arc<Map>, is_lost: bool) {
        if is_lost {
            return self.servers.refresh(seen).await;
        }
        self.note_broke();
        let now = self.clock.now().as_second();
        if self.reconnected_s.swap(now, Ordering::AcqRel) != now {
            self.servers.reconnect(seen).await;
        }
    }

    fn is_lost(&self, error: &RedisError) -> bool {
        let lost = error.is_io_error() || error.is_unrecoverable_error();
        if lost {
            self.note_broke();
        }
        lost
    }

    fn fault(&self, error: &RedisError) -> StoreError {
        self.is_lost(error);
        fault(error)
    }
}

/// An argument of a command, counted from its name.
fn argument(command: &Cmd, index: usize) -> &[u8] {
    match command.args_iter().nth(index) {
        Some(redis::Arg::Simple(argument)) => argument,
        _ => b"",
    }
}

/// Whether a server says that it is not the one to ask: a replica, one that is not ready, or one that does not know us.
fn is_of_wrong_server(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOPERM" | "NOAUTH" | "WRONGPASS"))
}

/// The store's error for one of the server.
pub(crate) fn fault(error: &RedisError) -> StoreError {
    let text = error.to_string();
    match (error.kind(), error.code()) {
        (_, Some("OOM")) => StoreError::Full(text),
        (_, Some("MISCONF")) if text.contains("No space left") => StoreError::Full(text),
        (_, Some("WRONGTYPE")) | (ErrorKind::UnexpectedReturnType, _) => StoreError::Corrupt(text),
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) if text.contains("UNREADABLE") => {
            StoreError::Corrupt(text)
        }
        _ => StoreError::Unavailable(text),
    }
}

/// A document that does not read.
pub(crate) fn unreadable(what: &str, name: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} {name}: {why}"))
}
