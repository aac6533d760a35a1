//! Where a process listens. In: addresses and routes. Out: tasks that serve them until told to stop.
//!
//! Never: lets operators, monitors and the public take connections from one another.

use std::{net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::Context as _;
use axum::Router;
use config::Infrastructure;
use http_server::Limits;
use tokio::{
    net::{TcpListener, TcpSocket, UnixListener},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::open_files;

/// Connections of operators' commands, and of monitors, at once.
const OPERATORS_MAX: usize = 32;
/// Connections that may wait to be accepted, as far as the system allows it.
const ACCEPT_QUEUE_MAX: u32 = 4_096;

/// The bound addresses of one process.
pub(crate) struct Listeners {
    public: TcpListener,
    /// Where readiness and metrics are, if not with the others.
    monitoring: Option<TcpListener>,
    /// Where the API is, if it is served.
    api: Option<TcpListener>,
}

impl Listeners {
    /// Takes the configured addresses.
    pub(crate) fn bind(infrastructure: &Infrastructure, serves_api: bool) -> anyhow::Result<Self> {
        let public = bind(infrastructure.listen, "listen")?;
        let monitoring = match infrastructure.monitoring_listen {
            Some(address) => Some(bind(address, "monitoring-listen")?),
            None => None,
        };
        let api = match infrastructure.api_listen.filter(|_| serves_api) {
            Some(address) => Some(listen(address).with_context(|| {
                format!(
                    "cannot listen on {address}; give another address as [api] listen in the configuration"
                )
            })?),
            None => None,
        };
        Ok(Self { public, monitoring, api })
    }

    /// The public address.
    pub(crate) fn url(&self) -> anyhow::Result<Url> {
        Ok(format!("http://{}", self.public.local_addr()?).parse()?)
    }

    /// The API's address, if it is served.
    pub(crate) fn api_url(&self) -> anyhow::Result<Option<Url>> {
        let Some(api) = &self.api else { return Ok(None) };
        Ok(Some(format!("http://{}", api.local_addr()?).parse()?))
    }

    /// Serves the roles' routes beside liveness, and readiness and metrics where they belong.
    pub(crate) fn serve(
        self,
        roles: Router,
        liveness: Router,
        monitoring: Router,
        api: Router,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) {
        let public = Limits { connections_max: open_files::connections_max(), ..Limits::default() };
        if let Some(listener) = self.api {
            spawn(tasks, listener, api, Limits::default(), stop);
        }
        let mut routes = roles.merge(liveness.clone());
        match self.monitoring {
            None => routes = routes.merge(monitoring),
            Some(listener) => spawn(tasks, listener, liveness.merge(monitoring), operators(), stop),
        }
        spawn(tasks, self.public, routes, public, stop);
    }
}

/// Serves operators' commands on a socket that only the owner of the process can open.
pub(crate) fn serve_control(
    socket: &Path,
    routes: Router,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    // The database's lock is ours, so a socket that is there was left by a process that died.
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).with_context(|| {
        format!(
            "cannot open the control socket {}; a shorter path to the database may help",
            socket.display()
        )
    })?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    spawn(tasks, listener, routes, operators(), stop);
    Ok(())
}

fn bind(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| {
        format!(
            "cannot listen on {address}; give another address with --{option} or under [http] in the configuration"
        )
    })
}

/// Listens with a longer queue than usual: where it is full, a caller's next try comes a second later.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE_MAX)
}

fn operators() -> Limits {
    Limits { connections_max: OPERATORS_MAX, ..Limits::default() }
}

fn spawn<L>(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    listener: L,
    routes: Router,
    limits: Limits,
    stop: &CancellationToken,
) where
    L: axum::serve::Listener<Io: Unpin, Addr: Into<http_server::Peer>>,
{
    let serving = http_server::serve(listener, routes, limits, stop.clone());
    tasks.spawn(async {
        serving.await;
        Ok(())
    });
}
