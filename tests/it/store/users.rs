//! Accounts, tokens and tickets.

use botberi::models::Origin;
use botberi::models::ids::{SessionId, TokenId, UserId};
use botberi::models::store::users;
use botberi::models::store::ws_tickets::{self, TicketHolder};
use botberi::models::user::{NewUser, PasswordHash, Role};

use crate::support::database::TestDatabases;

fn ada() -> NewUser {
    NewUser {
        id: UserId::new(),
        username: "Ada".to_owned(),
        email: Some("ada@example.org".to_owned()),
        password_hash: PasswordHash::new("$argon2id$x".to_owned()),
        role: Role::Developer,
    }
}

#[tokio::test]
async fn a_name_and_an_address_are_taken_whatever_their_case() {
    let databases = TestDatabases::create().await;
    let db = databases.user.connection().await.unwrap();
    let user = users::insert(&db, &ada(), &Origin::default()).await.unwrap();
    assert_eq!((user.username.as_str(), user.role), ("Ada", Role::Developer));

    let twin = NewUser { id: UserId::new(), username: "aDA".to_owned(), email: None, ..ada() };
    assert!(
        users::insert(&db, &twin, &Origin::default()).await.unwrap_err().is_conflict_on(users::USERNAME_KEY)
    );
    let double = NewUser {
        id: UserId::new(),
        username: "grace".to_owned(),
        email: Some("ADA@example.org".to_owned()),
        ..ada()
    };
    assert!(
        users::insert(&db, &double, &Origin::default()).await.unwrap_err().is_conflict_on(users::EMAIL_KEY)
    );

    let (found, hash) = users::find_by_username(&db, "ADA").await.unwrap().unwrap();
    assert_eq!((found, hash.expose()), (user.clone(), "$argon2id$x"));
    assert_eq!(users::find(&db, user.id).await.unwrap(), Some(user));
    assert!(users::find_by_username(&db, "grace").await.unwrap().is_none());
}

#[tokio::test]
async fn the_administrator_is_made_once_and_keeps_the_password() {
    let databases = TestDatabases::create().await;
    let db = databases.user.connection().await.unwrap();
    let (first, is_new) =
        users::ensure_admin(&db, &NewUser { username: "admin".to_owned(), ..ada() }, &Origin::default())
            .await
            .unwrap()
            .unwrap();
    assert_eq!((first.role, is_new), (Role::Admin, true));

    let again = NewUser {
        id: UserId::new(),
        username: "admin".to_owned(),
        email: None,
        password_hash: PasswordHash::new("other".to_owned()),
        role: Role::Admin,
    };
    let (second, is_new) = users::ensure_admin(&db, &again, &Origin::default()).await.unwrap().unwrap();
    assert_eq!((second.id, is_new), (first.id, false));
    // Whoever is called so in another case may be somebody else.
    for name in ["Admin", "adm\u{130}n"] {
        let other = NewUser { username: name.to_owned(), ..again.clone() };
        assert_eq!(users::ensure_admin(&db, &other, &Origin::default()).await.unwrap(), None, "{name}");
    }
    let (_, hash) = users::find_by_username(&db, "admin").await.unwrap().unwrap();
    assert_eq!(hash.expose(), "$argon2id$x");
}

#[tokio::test]
async fn only_an_account_that_is_open_is_given_power() {
    let databases = TestDatabases::create().await;
    let db = databases.user.connection().await.unwrap();
    let closed = users::insert(&db, &ada(), &Origin::default()).await.unwrap();
    assert!(users::close(&db, closed.id, None, &Origin::default()).await.unwrap());
    assert!(users::promote(&db, closed.id, &Origin::default()).await.unwrap().is_none());

    let grace = NewUser { username: "Grace".to_owned(), email: None, ..ada() };
    let grace = users::insert(&db, &grace, &Origin::default()).await.unwrap();
    let sql = databases.plain_user("postgres").await;
    let disable = "UPDATE users SET disabled_at = now() WHERE username = 'Grace'";
    assert_eq!(sql.execute(disable, &[]).await.unwrap(), 1);
    assert!(users::promote(&db, grace.id, &Origin::default()).await.unwrap().is_none());
    assert!(users::promote(&db, UserId::new(), &Origin::default()).await.unwrap().is_none());
    sql.execute("UPDATE users SET disabled_at = NULL WHERE username = 'Grace'", &[]).await.unwrap();
    assert_eq!(
        users::promote(&db, grace.id, &Origin::default()).await.unwrap().map(|user| user.role),
        Some(Role::Admin)
    );
}

#[tokio::test]
async fn a_ticket_opens_one_socket_of_the_session_that_bought_it() {
    let databases = TestDatabases::create().await;
    let db = databases.user.connection().await.unwrap();
    let user = users::insert(&db, &ada(), &Origin::default()).await.unwrap();
    let holder = TicketHolder {
        user_id: user.id,
        session: Some((SessionId::new(), TokenId::new())),
        api_key_id: None,
        session_expires_at: jiff::Timestamp::from_second(2_000_000_000).unwrap(),
    };
    ws_tickets::insert(&db, b"one", &holder, 30).await.unwrap();
    ws_tickets::insert(&db, b"late", &holder, -1).await.unwrap();

    assert_eq!(ws_tickets::redeem(&db, b"one").await.unwrap(), Some(holder));
    assert_eq!(ws_tickets::redeem(&db, b"one").await.unwrap(), None);
    assert_eq!(ws_tickets::redeem(&db, b"never").await.unwrap(), None);
    assert_eq!(ws_tickets::delete_expired(&db, 10).await.unwrap(), 1);
    assert_eq!(ws_tickets::redeem(&db, b"late").await.unwrap(), None);
}
