//! The servers that are put under load.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use tempfile::TempDir;
use transload_testkit::cli::{Cli, Running};
use transload_testkit::hog::{free_port, wait_until};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions};

use super::watch::Watched;

const READY_LIMIT: Duration = Duration::from_secs(30);
const RUN_LIMIT: Duration = Duration::from_secs(3600);

/// A server that runs, its data in a temporary folder of its own.
pub(super) enum Server {
    Docker(Box<DockerRegistry>),
    Depot(Box<Depot>),
}

/// `transload registry serve --data`.
pub(super) struct Depot {
    running: Running,
    addr: SocketAddr,
    // behind the process that writes there
    _data: TempDir,
    _cli: Cli,
}

impl Server {
    /// Debian's docker-registry with the cache of blob descriptors that Debian's configuration has.
    pub(super) fn docker() -> Self {
        let options = DockerRegistryOptions { descriptor_cache: true, ..DockerRegistryOptions::default() };
        Self::Docker(Box::new(DockerRegistry::start_with(options)))
    }

    /// The depot as it is by default.
    pub(super) fn depot(program: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let cli = Cli::new(program).limit(RUN_LIMIT);
        let folder = data.path().display().to_string();
        let running = cli.spawn(["registry", "serve", "--data", &folder, "--listen", &addr.to_string()]);
        let ready = wait_until(READY_LIMIT, || std::net::TcpStream::connect(addr).is_ok());
        ensure!(ready, "the depot does not listen: {}{}", running.stdout(), running.stderr());
        Ok(Self::Depot(Box::new(Depot { running, addr, _data: data, _cli: cli })))
    }

    /// As tables have it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Docker(_) => "docker-registry",
            Self::Depot(_) => "depot",
        }
    }

    pub(super) fn host(&self) -> String {
        match self {
            Self::Docker(registry) => registry.host(),
            Self::Depot(depot) => depot.addr.to_string(),
        }
    }

    /// Its process.
    pub(super) fn process(&self) -> Watched {
        match self {
            Self::Docker(registry) => Watched(registry.pid()),
            Self::Depot(depot) => Watched(depot.running.pid()),
        }
    }
}
