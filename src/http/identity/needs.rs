//! The permissions that routes ask for, as types: a handler names its own in its signature, and in the document.

use crate::models::Permission;

/// A permission that a route asks for.
pub trait Need: 'static {
    /// Which.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident,)+) => {$(
        #[doc = concat!("[`Permission::", stringify!($name), "`]")]
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl Need for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )+};
}

needs! {
    AccountManage,
    AccountRead,
    AgentList,
    AgentManage,
    ApiKeyManage,
    ApiKeyRead,
    AuditRead,
    DeadLetterManage,
    DeadLetterRead,
    EventRead,
    EventReplay,
    InstanceControl,
    InstanceControlAny,
    InstanceCreate,
    InstanceDelete,
    InstanceRead,
    InstanceReadAny,
    InstanceUpdate,
    KnowledgeManage,
    KnowledgeRead,
    OutboxRead,
    TeamCreate,
    TeamManage,
    TeamRead,
    UsageRead,
    UserManage,
    UserRead,
}
