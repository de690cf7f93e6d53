//! A server inside that users must never reach, and every way there that is known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use url::Host;

use super::stand::{CLOSED, Names, OPENED, Server, client_of, get, head, settings};
use crate::outbound::connect;
use crate::outbound::rules::Rules;
use crate::outbound::{Outbound, OutboundError, OutboundSettings, Refusal};

/// Says good day, and where to go from here.
async fn open_server(location: &'static str) -> Server {
    Server::start((OPENED, 0).into(), move |mut stream| async move {
        head(&mut stream).await;
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 5\r\n\r\nhello");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
}

/// Everybody may use the server's port, and nobody's address is open but that of the server.
fn settings_for(server: &Server) -> OutboundSettings {
    OutboundSettings { allow: vec![OPENED.to_string()], ports: vec![server.port().to_string()], ..settings() }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_leads_nowhere() {
    let server = open_server("/").await;
    let canary = Server::canary(server.port()).await;
    let names = Names::answering(&[&[OPENED], &[CLOSED]]);
    let client = client_of(&settings_for(&server), &names);
    let url = format!("http://rebind.example:{}/", server.port());

    // Checked and connected by one and the same answer: the second one, which would lead inside, is not asked for.
    let answer = get(&client, &url).await.unwrap();
    assert_eq!(answer.whole().await.unwrap(), b"hello");
    assert_eq!((names.asked(), server.visitors(), canary.visitors()), (1, 1, 0));

    // The next request is judged by what is true then.
    let error = get(&client, &url).await.unwrap_err();
    assert!(matches!(error, OutboundError::NotAllowed(Refusal::Host)), "{error:?}");
    assert_eq!((server.visitors(), canary.visitors()), (1, 0));
}

#[tokio::test]
async fn a_name_of_open_and_of_closed_addresses_is_closed() {
    let server = open_server("/").await;
    let canary = Server::canary(server.port()).await;
    for answer in [[OPENED, CLOSED], [CLOSED, OPENED]] {
        let client = client_of(&settings_for(&server), &Names::answering(&[&answer]));
        let error = get(&client, &format!("http://both.example:{}/", server.port())).await.unwrap_err();
        assert!(matches!(error, OutboundError::NotAllowed(Refusal::Host)), "{error:?}");
    }
    assert_eq!((server.visitors(), canary.visitors()), (0, 0));
}

#[tokio::test]
async fn nobody_follows_to_where_an_answer_points() {
    let canary = Server::canary(0).await;
    let location: &'static str = format!("http://{}/", canary.address).leak();
    let server = open_server(location).await;
    let client = client_of(&settings_for(&server), &Names::answering(&[&[OPENED]]));
    let answer = get(&client, &format!("http://moved.example:{}/", server.port())).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], location);
    assert_eq!(answer.whole().await.unwrap(), b"hello");
    assert_eq!(canary.visitors(), 0);
}

#[tokio::test]
async fn whether_a_name_is_unknown_or_closed_is_not_told() {
    let server = open_server("/").await;
    let url = format!("http://postgres.example:{}/", server.port());
    let unknown = client_of(&settings_for(&server), &Names::default());
    let closed = client_of(&settings_for(&server), &Names::answering(&[&[Ipv4Addr::new(10, 0, 0, 7)]]));
    let said = [&unknown, &closed].map(|client| get(client, &url));
    let said = futures_util::future::join_all(said)
        .await
        .into_iter()
        .map(|error| format!("{:?}", error.unwrap_err()));
    let said: Vec<String> = said.collect();
    assert_eq!(said[0], said[1]);
}

#[tokio::test]
async fn a_host_that_the_operator_names_is_reached_and_no_other_at_its_address() {
    let server = open_server("/").await;
    let names = Names::answering(&[&[OPENED]]);
    let allow = vec![format!("n8n.internal:{}", server.port())];
    let client = client_of(&OutboundSettings { allow, ..settings() }, &names);
    let url = format!("http://n8n.internal:{}/", server.port());
    assert_eq!(get(&client, &url).await.unwrap().status(), 302);

    for other in ["http://n8n.internal/", "http://other.internal/"] {
        assert_eq!(client.check("url", other).unwrap_err().refusal, Refusal::Host, "{other}");
    }
    let error = get(&client, "http://other.example/").await.unwrap_err();
    assert!(matches!(error, OutboundError::NotAllowed(Refusal::Host)), "{error:?}");
    assert_eq!(server.visitors(), 1);
}

#[tokio::test]
async fn a_name_that_is_opened_does_not_open_the_metadata() {
    for address in [[169, 254, 169, 254], [100, 100, 100, 200], [0, 0, 0, 0], [224, 0, 0, 1]] {
        let allow = vec!["n8n.internal".to_owned()];
        let names = Names::answering(&[&[address.into()]]);
        let client = client_of(&OutboundSettings { allow, ..settings() }, &names);
        let error = get(&client, "http://n8n.internal/").await.unwrap_err();
        assert!(matches!(error, OutboundError::NotAllowed(Refusal::Host)), "{address:?}: {error:?}");
    }
}

#[tokio::test]
async fn whoever_is_reached_is_judged_although_the_way_there_was_judged_before() {
    // As if somebody had put a closed place among those that were judged.
    let canary = Server::canary(0).await;
    let host = Host::parse("example.com").unwrap();
    let rules = Rules::of(&OutboundSettings { ports: vec![canary.port().to_string()], ..settings() });
    let until = Instant::now() + std::time::Duration::from_secs(2);
    let error = connect::reach(&[canary.address], &host, &rules, until).await.unwrap_err();
    assert!(matches!(error, OutboundError::NotAllowed(Refusal::Host)), "{error:?}");
}

#[test]
fn a_peer_is_the_one_that_was_meant_and_not_this_machine() {
    let host = Host::parse("example.com").unwrap();
    let rules = Rules::of(&settings());
    let place: SocketAddr = "8.8.8.8:80".parse().unwrap();
    let judge = |peer: &str, own: &str| {
        connect::judge_peer(peer.parse().unwrap(), own.parse::<IpAddr>().unwrap(), place, &host, &rules)
    };
    assert_eq!(judge("8.8.8.8:80", "10.0.0.5"), Ok(()));
    assert_eq!(judge("[::ffff:8.8.8.8]:80", "10.0.0.5"), Ok(()));
    assert_eq!(judge("8.8.8.8:80", "8.8.8.8"), Err(Refusal::Host));
    assert_eq!(judge("9.9.9.9:80", "10.0.0.5"), Err(Refusal::Host));
    assert_eq!(judge("127.0.0.1:80", "127.0.0.1"), Err(Refusal::Host));
}

#[tokio::test]
async fn the_systems_own_names_are_judged_as_any_other() {
    let server = open_server("/").await;
    let canary = Server::canary(server.port()).await;
    let url = format!("http://localhost:{}/", server.port());
    let client = Outbound::new(&settings_for(&server)).unwrap();
    assert_eq!(client.check("url", &url).unwrap_err().refusal, Refusal::Host);

    let allow = vec![format!("localhost:{}", server.port())];
    let opened = Outbound::new(&OutboundSettings { allow, ..settings() }).unwrap();
    // The canary cuts whoever comes: what counts is that it was reached, by an answer of the real resolver.
    let error = get(&opened, &url).await.unwrap_err();
    assert!(matches!(error, OutboundError::Broken), "{error:?}");
    assert_eq!((server.visitors(), canary.visitors()), (0, 1));
}
