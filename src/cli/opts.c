/* Options of commands: a table per command, long and short forms, "did you mean", and values of a few types. */
#include "cli/cli.h"
#include "base/str.h"
#include "base/vec.h"

static const struct opt *find_long(const struct command *cmd, struct str name)
{
    for (size_t i = 0; i < cmd->n_opts; i++) {
        if (str_eqc(name, cmd->opts[i].name)) return &cmd->opts[i];
    }
    return NULL;
}

static const struct opt *find_short(const struct command *cmd, char letter)
{
    for (size_t i = 0; i < cmd->n_opts; i++) {
        if (cmd->opts[i].letter == letter) return &cmd->opts[i];
    }
    return NULL;
}

static int unknown_long(struct cli *c, const struct command *cmd, struct str name)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < cmd->n_opts && n < ARRAY_LEN(names); i++) names[n++] = cmd->opts[i].name;
    const char *near = str_nearest(name, names, n);
    if (near) return cli_usage(c, "unknown option --%.*s; did you mean --%s?", STR_ARG(name), near);
    return cli_usage(c, "unknown option --%.*s", STR_ARG(name));
}

bool opts_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "", 1000 } };
    char *end;
    double v = strtod(text, &end);
    if (end == text || v < 0 || v > 1e9) return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) != 0) continue;
        *ret_ms = (int64_t)(v * units[i].ms);
        return true;
    }
    return false;
}

static int set_value(struct cli *c, const struct opt *o, const char *value)
{
    uint64_t number;
    switch (o->type) {
    case OPT_FLAG: break;
    case OPT_TEXT: *(const char **)o->to = value; return 0;
    case OPT_INT:
        if (!str_u64(str_of(value), &number) || number > INT_MAX) return cli_usage(c, "--%s: \"%s\" is not a whole number", o->name, value);
        *(int *)o->to = (int)number;
        return 0;
    case OPT_LIST: {
        struct text_list *list = o->to;
        if (list->n == (int)ARRAY_LEN(list->v)) return cli_usage(c, "--%s is given more than %zu times", o->name, ARRAY_LEN(list->v));
        list->v[list->n++] = value;
        return 0;
    }
    case OPT_TIME:
        if (!opts_duration(value, o->to)) return cli_usage(c, "--%s: \"%s\" is not a time such as 10s, 500ms or 1m", o->name, value);
        return 0;
    }
    return 0;
}

struct scan {
    char **in;
    int n, at, positional;
};

static int take_value(struct cli *c, const struct opt *o, const char *spelled, struct scan *s)
{
    if (s->at >= s->n) return cli_usage(c, "%s needs a value: %s", spelled, o->arg ? o->arg : "VALUE");
    return set_value(c, o, s->in[s->at++]);
}

static int parse_long(struct cli *c, const struct command *cmd, const char *arg, struct scan *s)
{
    struct str value = str_of(arg + 2), name = str_cut(&value, '=');
    const struct opt *o = find_long(cmd, name);
    if (!o) return unknown_long(c, cmd, name);
    if (o->type == OPT_FLAG) {
        if (value.p && !str_eqc(value, "true") && !str_eqc(value, "false")) return cli_usage(c, "--%s takes no value", o->name);
        *(bool *)o->to = !str_eqc(value, "false");
        return 0;
    }
    return value.p ? set_value(c, o, value.p) : take_value(c, o, arg, s);
}

/* -it, -nNAME, -n NAME, -oyaml */
static int parse_short(struct cli *c, const struct command *cmd, const char *arg, struct scan *s)
{
    for (const char *p = arg + 1; *p; p++) {
        const struct opt *o = find_short(cmd, *p);
        if (!o) return cli_usage(c, "unknown option -%c", *p);
        if (o->type == OPT_FLAG) {
            *(bool *)o->to = true;
            continue;
        }
        if (p[1]) return set_value(c, o, p[1] == '=' ? p + 2 : p + 1);
        return take_value(c, o, arg, s);
    }
    return 0;
}

int opts_parse(struct cli *c, const struct command *cmd, int *argc, char **argv)
{
    struct scan s = { .in = argv, .n = *argc };
    while (s.at < s.n) {
        char *arg = argv[s.at++];
        int r = 0;
        if (strcmp(arg, "--") == 0) {
            c->rest = argv + s.at;
            c->rest_n = s.n - s.at;
            break;
        }
        if (arg[0] == '-' && arg[1] == '-')
            r = parse_long(c, cmd, arg, &s);
        else if (arg[0] == '-' && arg[1])
            r = parse_short(c, cmd, arg, &s);
        else
            argv[s.positional++] = arg;
        if (r) return r;
    }
    *argc = s.positional;
    if (s.positional < cmd->min) return cli_usage(c, "%s needs %s", cmd->name, cmd->args);
    if (cmd->max >= 0 && s.positional > cmd->max) return cli_usage(c, "unexpected argument \"%s\"", argv[cmd->max]);
    return 0;
}

/* One word from *p into out; false at an unfinished quote. */
static bool split_word(const char **p, struct buf *out)
{
    char quote = 0;
    for (; **p; (*p)++) {
        char ch = **p;
        if (quote == '\'') {
            if (ch == '\'')
                quote = 0;
            else
                buf_append(out, &ch, 1);
        } else if (ch == '\\' && (*p)[1]) {
            (*p)++;
            buf_append(out, *p, 1);
        } else if (quote == '"') {
            if (ch == '"')
                quote = 0;
            else
                buf_append(out, &ch, 1);
        } else if (ch == '\'' || ch == '"') {
            quote = ch;
        } else if (ch == ' ' || ch == '\t' || ch == '\n') {
            break;
        } else {
            buf_append(out, &ch, 1);
        }
    }
    return quote == 0;
}

char **text_split(const char *command, struct err *e)
{
    VEC(char *) words = { 0 };
    const char *p = command;
    for (;;) {
        struct buf word = { 0 };
        while (*p == ' ' || *p == '\t' || *p == '\n') p++;
        if (!*p) break;
        if (!split_word(&p, &word)) {
            buf_free(&word);
            vec_push(&words, NULL);
            text_split_free(words.v);
            err_set(e, -EINVAL, "a quote is not closed in: %s", command);
            return NULL;
        }
        vec_push(&words, buf_steal(&word));
    }
    vec_push(&words, NULL);
    return words.v;
}

void text_split_free(char **argv)
{
    for (char **p = argv; p && *p; p++) free(*p);
    free(argv);
}
