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
