//! The way in for Twilio: `docker compose --profile public`.
//!
//! In: a running fleet. Out: that the proxy lets Twilio's posts through and nothing else.
//! Never: asks an authority for a certificate: for `localhost` Caddy signs one itself.

use anyhow::Result;

use super::{
    engine::Engine,
    place::holds,
    shell::{attempt, expect, run, wait_until},
};

/// Drives it.
pub(super) fn drive(engine: &Engine) -> Result<()> {
    run(&mut engine
        .program("PUBLIC_HOST=localhost docker compose --profile public up --detach --no-recreate proxy"))?;
    let status = |path: &str| -> Result<String> {
        let ask = format!(
            "curl --silent --insecure --output /dev/null --write-out '%{{http_code}}' --request POST \
             https://localhost{path}"
        );
        Ok(attempt(&mut engine.program(&ask))?.out)
    };
    // Nobody but Twilio can sign what `callback` takes.
    wait_until("an answer of callback through the proxy", 60, || Ok(status("/v1/twilio/status")? == "403"))?;
    for path in ["/v1/events", "/metrics", "/readyz", "/"] {
        let found = status(path)?;
        expect(found == "404", || format!("H8: {path} is answered with {found}"))?;
    }
    holds("H8", "the profile `public` lets /v1/twilio/ in over TLS, and nothing else");
    Ok(())
}
