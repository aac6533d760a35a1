//! Names by which effects are known elsewhere.

/// The destination that is the stream of the API: a log in the store. There is one where the API is served.
pub const STREAM: &str = "api-stream";

/// The reason of dead letters that hold an effect.
pub const DEAD_EFFECT: &str = "effect";
