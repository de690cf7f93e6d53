//! The private servers that all tests share.

use std::sync::OnceLock;

use botberi::cli::dev::Endpoints;

/// Where they are. `make test` starts them, and says where in the environment.
pub(crate) fn servers() -> &'static Endpoints {
    static SERVERS: OnceLock<Endpoints> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let found = Endpoints::from_env().unwrap();
        found.expect(
            "no servers are named in the environment: run the tests with `make test`, which starts them",
        )
    })
}
