/* All commands, in the order of the help. */
#include "cli/cli.h"

#define COMMANDS(X)                                                                                                                        \
    X(up)                                                                                                                                  \
    X(down)                                                                                                                                \
    X(get)                                                                                                                                 \
    X(describe)                                                                                                                            \
    X(apply)                                                                                                                               \
    X(delete)                                                                                                                              \
    X(diff)                                                                                                                                \
    X(scale)                                                                                                                               \
    X(rollout_status)                                                                                                                      \
    X(exec)                                                                                                                                \
    X(logs)                                                                                                                                \
    X(port_forward)                                                                                                                        \
    X(project_list)                                                                                                                        \
    X(project_get)                                                                                                                         \
    X(project_create)                                                                                                                      \
    X(project_edit)                                                                                                                        \
    X(project_delete)                                                                                                                      \
    X(project_members)                                                                                                                     \
    X(project_candidates)                                                                                                                  \
    X(project_adopt)                                                                                                                       \
    X(project_give_up)                                                                                                                     \
    X(project_guard_rails)                                                                                                                 \
    X(project_stop)                                                                                                                        \
    X(project_go)                                                                                                                          \
    X(traffic_get)                                                                                                                         \
    X(traffic_split)                                                                                                                       \
    X(traffic_rule)                                                                                                                        \
    X(traffic_timeout)                                                                                                                     \
    X(traffic_retries)                                                                                                                     \
    X(traffic_fault)                                                                                                                       \
    X(traffic_mirror)                                                                                                                      \
    X(traffic_sticky)                                                                                                                      \
    X(traffic_set)                                                                                                                         \
    X(traffic_preview)                                                                                                                     \
    X(traffic_history)                                                                                                                     \
    X(traffic_restore)                                                                                                                     \
    X(traffic_clear)                                                                                                                       \
    X(undo)                                                                                                                                \
    X(release_start)                                                                                                                       \
    X(release_plan)                                                                                                                        \
    X(release_list)                                                                                                                        \
    X(release_get)                                                                                                                         \
    X(release_status)                                                                                                                      \
    X(release_explain)                                                                                                                     \
    X(release_promote)                                                                                                                     \
    X(release_approve)                                                                                                                     \
    X(release_reject)                                                                                                                      \
    X(release_pause)                                                                                                                       \
    X(release_resume)                                                                                                                      \
    X(release_skip)                                                                                                                        \
    X(release_abort)                                                                                                                       \
    X(release_rollback)                                                                                                                    \
    X(release_retry)                                                                                                                       \
    X(release_take_theirs)                                                                                                                 \
    X(release_keep_ours)                                                                                                                   \
    X(release_note)                                                                                                                        \
    X(release_history)                                                                                                                     \
    X(release_yaml)                                                                                                                        \
    X(approvals)                                                                                                                           \
    X(audit_export)                                                                                                                        \
    X(audit_verify)                                                                                                                        \
    X(audit)                                                                                                                               \
    X(user_list)                                                                                                                           \
    X(user_add)                                                                                                                            \
    X(user_passwd)                                                                                                                         \
    X(user_disable)                                                                                                                        \
    X(user_enable)                                                                                                                         \
    X(token_create)                                                                                                                        \
    X(token_list)                                                                                                                          \
    X(token_revoke)                                                                                                                        \
    X(open)                                                                                                                                \
    X(backup)                                                                                                                              \
    X(restore)                                                                                                                             \
    X(analyze)                                                                                                                             \
    X(proxy_status)                                                                                                                        \
    X(proxy_config)                                                                                                                        \
    X(version)                                                                                                                             \
    X(completion)

#define DECLARE(name) extern const struct command cmd_##name;
COMMANDS(DECLARE)

#define ENTRY(name) &cmd_##name,
const struct command *const commands[] = { COMMANDS(ENTRY) };
const size_t commands_n = ARRAY_LEN(commands);

const struct command_group command_groups[] = {
    { "project", "services that belong together, their people and rules" },
    { "traffic", "where a service's requests go: split, rules, timeouts, retries, faults" },
    { "release", "bring a new version out: watched, and taken back by itself" },
    { "user", "who may sign in to the page" },
    { "token", "tokens for pipelines" },
    { "rollout", "deployments coming up" },
};
const size_t command_groups_n = ARRAY_LEN(command_groups);

const struct command_group *command_group_of(const char *name)
{
    struct str rest = str_of(name), first = str_cut(&rest, ' ');
    for (size_t i = 0; i < command_groups_n; i++) {
        if (str_eqc(first, command_groups[i].name)) return &command_groups[i];
    }
    return NULL;
}
