//! Calls to the server.
//!
//! In: scripts and commands. Out: their answers, or the store's errors.
//! Never: gives up a call whose answer was lost before asking once more: every script tells a repetition of the same
//! call what it told the call itself.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures::future::try_join_all;
use ports::StoreError;
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, Script, ServerErrorKind, ToRedisArgs,
    aio::ConnectionManager,
};

/// How often a call is made whose answer does not come.
const TRIES: u8 = 2;
/// How long a token is: 40 bits, compared only with those of the same run and version. `common.lua` knows it as well.
const TOKEN_BYTES: u32 = 8;

/// The connection, and what makes calls repeatable.
pub(crate) struct Link {
    connection: ConnectionManager,
    /// Names calls: chance is wanted here, since two processes must never choose the same names.
    names: RandomState,
    calls: AtomicU64,
    /// Since when the server may be another one: whoever reads this looks.
    broke: AtomicBool,
    /// For tests: the first answer of every call is dropped.
    drops_answers: bool,
}

/// One call of a script.
pub(crate) struct Call<'a> {
    script: &'a Script,
    pub(crate) keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(script: &'a Script, keys: Vec<String>) -> Self {
        Self { script, keys, arguments: Vec::new() }
    }

    pub(crate) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        argument.write_redis_args(&mut self.arguments);
        self
    }
}

impl Link {
    pub(crate) fn new(connection: ConnectionManager, drops_answers: bool) -> Self {
        Self {
            connection,
            names: RandomState::new(),
            calls: AtomicU64::new(0),
            broke: AtomicBool::new(false),
            drops_answers,
        }
    }

    /// A name for one call, which its repetitions share and nothing else does.
    ///
    /// A digest of the change would not do: two workers that make the same change at the same millisecond would both
    /// be told that it is theirs, and both would send.
    pub(crate) fn token(&self) -> String {
        let bits = self.names.hash_one(self.calls.fetch_add(1, Ordering::Relaxed));
        (0..TOKEN_BYTES).map(|n| char::from(crate::keys::ALPHABET[(bits >> (5 * n) & 31) as usize])).collect()
    }

    /// Whether a connection broke since this was asked last.
    pub(crate) fn take_broke(&self) -> bool {
        self.broke.swap(false, Ordering::AcqRel)
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        let mut invocation = call.script.prepare_invoke();
        invocation.key(&call.keys).arg(&call.arguments);
        if self.drops_answers {
            let dropped: Result<T, _> = invocation.invoke_async(&mut self.connection.clone()).await;
            drop(dropped);
        }
        for _ in 1..TRIES {
            match invocation.invoke_async(&mut self.connection.clone()).await {
                Err(error) if self.is_lost(&error) => {}
                done => return done.map_err(|error| fault(&error)),
            }
        }
        let last = invocation.invoke_async(&mut self.connection.clone()).await;
        last.map_err(|error| self.fault(&error))
    }

    /// Runs a command that may be repeated.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        for _ in 1..TRIES {
            match command.query_async(&mut self.connection.clone()).await {
                Err(error) if self.is_lost(&error) => {}
                done => return done.map_err(|error| fault(&error)),
            }
        }
        command.query_async(&mut self.connection.clone()).await.map_err(|error| self.fault(&error))
    }

    /// Runs commands that may be repeated, in one round trip.
    pub(crate) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        for _ in 1..TRIES {
            match pipeline.query_async(&mut self.connection.clone()).await {
                Err(error) if self.is_lost(&error) => {}
                done => return done.map_err(|error| fault(&error)),
            }
        }
        pipeline.query_async(&mut self.connection.clone()).await.map_err(|error| self.fault(&error))
    }

    /// Makes calls that do not need each other, at once.
    pub(crate) async fn calls<T: FromRedisValue>(
        &self,
        calls: impl IntoIterator<Item = Call<'_>>,
    ) -> Result<Vec<T>, StoreError> {
        try_join_all(calls.into_iter().map(|call| self.call(call))).await
    }

    fn is_lost(&self, error: &RedisError) -> bool {
        let lost = error.is_io_error() || error.is_unrecoverable_error();
        if lost {
            self.broke.store(true, Ordering::Release);
        }
        lost
    }

    fn fault(&self, error: &RedisError) -> StoreError {
        self.is_lost(error);
        fault(error)
    }
}

/// The store's word for what the server said.
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
