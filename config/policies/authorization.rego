# Who may do what. Asked for every role and every permission when the files are read, never for a single request.
#
# input.subject     "roles" for the role of a user on the platform, "team_roles" for the role of a member within a team
# input.role        the role
# input.permission  the permission, like "instance:create"
#
# Whatever is not allowed here is refused. Within a team both are asked: the user's role and the member's.
package botberi.authorization

default allow := false

allow if {
	some granted in data[input.subject][input.role].permissions
	granted in {"*", input.permission}
}
