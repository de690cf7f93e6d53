//! Where the servers answer, and how a child process learns it.

use super::error::DevError;
use super::ports::{NodePorts, Ports};
use super::rabbitmq::FIRST;

/// The addresses of all servers, with the fixed development accounts in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The database `user_psql`.
    pub user_database: DatabaseUrls,
    /// The database `shared_psql`.
    pub shared_database: DatabaseUrls,
    /// `redis://…`
    pub redis: String,
    /// `amqp://…`, as `guest`, virtual host `/`; the first node's.
    pub amqp: String,
    /// RabbitMQ's management API: `http://…` without a path, as `guest`; the first node's.
    pub rabbitmq_management: String,
    /// The same of every node of RabbitMQ, the first among them.
    pub rabbitmq_nodes: Vec<NodeUrls>,
}

/// One node of RabbitMQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUrls {
    /// `amqp://…`, as `guest`, virtual host `/`.
    pub amqp: String,
    /// The management API: `http://…` without a path, as `guest`.
    pub management: String,
}

/// One database, through the eyes of each of its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrls {
    /// `botberi`: what the services use; it owns nothing.
    pub service: String,
    /// `botberi_owner`: what migrations use; it owns the database.
    pub owner: String,
    /// `postgres`: may do anything; connected to the maintenance database `postgres`.
    pub superuser: String,
}

const USER_SERVICE: &str = "BOTBERI_TEST_SERVERS_USER_DATABASE_URL";
const USER_OWNER: &str = "BOTBERI_TEST_SERVERS_USER_DATABASE_OWNER_URL";
const USER_SUPERUSER: &str = "BOTBERI_TEST_SERVERS_USER_DATABASE_SUPERUSER_URL";
const SHARED_SERVICE: &str = "BOTBERI_TEST_SERVERS_SHARED_DATABASE_URL";
const SHARED_OWNER: &str = "BOTBERI_TEST_SERVERS_SHARED_DATABASE_OWNER_URL";
const SHARED_SUPERUSER: &str = "BOTBERI_TEST_SERVERS_SHARED_DATABASE_SUPERUSER_URL";
const REDIS: &str = "BOTBERI_TEST_SERVERS_REDIS_URL";
const AMQP: &str = "BOTBERI_TEST_SERVERS_AMQP_URL";
const RABBITMQ_MANAGEMENT: &str = "BOTBERI_TEST_SERVERS_RABBITMQ_MANAGEMENT_URL";
/// Of all nodes, separated by commas.
const AMQP_NODES: &str = "BOTBERI_TEST_SERVERS_AMQP_URLS";
const RABBITMQ_MANAGEMENT_NODES: &str = "BOTBERI_TEST_SERVERS_RABBITMQ_MANAGEMENT_URLS";

impl Endpoints {
    pub(super) fn new(ports: &Ports, rabbitmq_nodes: u8) -> Self {
        let node = |ports: NodePorts| NodeUrls {
            amqp: format!("amqp://guest:guest@127.0.0.1:{}/%2f", ports.amqp),
            management: format!("http://guest:guest@127.0.0.1:{}", ports.management),
        };
        let first = node(ports.rabbitmq_node(FIRST));
        Self {
            user_database: DatabaseUrls::new(ports.postgres_user, "user_psql"),
            shared_database: DatabaseUrls::new(ports.postgres_shared, "shared_psql"),
            redis: format!("redis://127.0.0.1:{}/", ports.redis),
            amqp: first.amqp,
            rabbitmq_management: first.management,
            rabbitmq_nodes: (FIRST..=rabbitmq_nodes)
                .map(|number| node(ports.rabbitmq_node(number)))
                .collect(),
        }
    }

    /// The environment variables that tell a child process about these servers.
    ///
    /// [`Endpoints::from_env`] is the other half.
    #[must_use]
    pub fn to_env(&self) -> Vec<(&'static str, String)> {
        vec![
            (USER_SERVICE, self.user_database.service.clone()),
            (USER_OWNER, self.user_database.owner.clone()),
            (USER_SUPERUSER, self.user_database.superuser.clone()),
            (SHARED_SERVICE, self.shared_database.service.clone()),
            (SHARED_OWNER, self.shared_database.owner.clone()),
            (SHARED_SUPERUSER, self.shared_database.superuser.clone()),
            (REDIS, self.redis.clone()),
            (AMQP, self.amqp.clone()),
            (RABBITMQ_MANAGEMENT, self.rabbitmq_management.clone()),
            (AMQP_NODES, self.of_all_nodes(|node| &node.amqp)),
            (RABBITMQ_MANAGEMENT_NODES, self.of_all_nodes(|node| &node.management)),
        ]
    }

    fn of_all_nodes(&self, url: impl Fn(&NodeUrls) -> &str) -> String {
        self.rabbitmq_nodes.iter().map(url).collect::<Vec<_>>().join(",")
    }

    /// The servers that `botberi dev servers -- COMMAND` started for us; `None` when it did not.
    ///
    /// # Errors
    /// [`DevError::Environment`] when some of the variables are set and others are not.
    pub fn from_env() -> Result<Option<Self>, DevError> {
        Self::from_lookup(|name| std::env::var_os(name)?.into_string().ok())
    }

    fn from_lookup(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Option<Self>, DevError> {
        if lookup(USER_SERVICE).is_none() && lookup(AMQP).is_none() {
            return Ok(None);
        }
        let required = |name| lookup(name).ok_or(DevError::Environment { name });
        let (amqp, managements) = (required(AMQP_NODES)?, required(RABBITMQ_MANAGEMENT_NODES)?);
        let nodes = amqp.split(',').zip(managements.split(','));
        Ok(Some(Self {
            user_database: DatabaseUrls {
                service: required(USER_SERVICE)?,
                owner: required(USER_OWNER)?,
                superuser: required(USER_SUPERUSER)?,
            },
            shared_database: DatabaseUrls {
                service: required(SHARED_SERVICE)?,
                owner: required(SHARED_OWNER)?,
                superuser: required(SHARED_SUPERUSER)?,
            },
            redis: required(REDIS)?,
            amqp: required(AMQP)?,
            rabbitmq_management: required(RABBITMQ_MANAGEMENT)?,
            rabbitmq_nodes: nodes
                .map(|(amqp, management)| NodeUrls {
                    amqp: amqp.to_owned(),
                    management: management.to_owned(),
                })
                .collect(),
        }))
    }
}

impl DatabaseUrls {
    fn new(port: u16, database: &str) -> Self {
        Self {
            service: format!("postgres://botberi:botberi@127.0.0.1:{port}/{database}"),
            owner: format!("postgres://botberi_owner:botberi_owner@127.0.0.1:{port}/{database}"),
            superuser: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup_in(variables: Vec<(&'static str, String)>) -> impl Fn(&'static str) -> Option<String> {
        move |name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_child_process_reads_back_what_its_parent_wrote() {
        let endpoints = Endpoints::new(&Ports::contract(), 3);
        let read = Endpoints::from_lookup(lookup_in(endpoints.to_env())).unwrap();
        assert_eq!(read, Some(endpoints));
    }

    #[test]
    fn without_any_variable_there_are_no_servers() {
        assert_eq!(Endpoints::from_lookup(|_| None).unwrap(), None);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let mut variables = Endpoints::new(&Ports::contract(), 1).to_env();
        variables.retain(|(name, _)| *name != REDIS);
        let error = Endpoints::from_lookup(lookup_in(variables)).unwrap_err();
        assert!(error.to_string().contains(REDIS), "{error}");
    }
}
