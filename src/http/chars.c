/* Character classes and status texts: tables only. */
#include "http/headers.h"

#define T HC_TOKEN
#define V HC_VALUE
#define P HC_PATH
#define H HC_HOST
#define U HC_UPPER

/* HC_PATH: what a request target may hold: visible ASCII but '#' (fragments are refused), and bytes from 0x80, which
 * Envoy lets pass. HC_HOST: reg-name, IP literals and port of an authority; '@' (userinfo) is not among them. */
const uint8_t http_chars[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | P | H,
    ['"'] = V | P,
    ['#'] = T | V,
    ['$'] = T | V | P | H,
    ['%'] = T | V | P | H,
    ['&'] = T | V | P | H,
    ['\''] = T | V | P | H,
    ['('] = V | P | H,
    [')'] = V | P | H,
    ['*'] = T | V | P | H,
    ['+'] = T | V | P | H,
    [','] = V | P,
    ['-'] = T | V | P | H,
    ['.'] = T | V | P | H,
    ['/'] = V | P,
    ['0' ... '9'] = T | V | P | H,
    [':'] = V | P | H,
    [';'] = V | P | H,
    ['<'] = V | P,
    ['='] = V | P | H,
    ['>'] = V | P,
    ['?'] = V | P,
    ['@'] = V | P,
    ['A' ... 'Z'] = T | V | P | H | U,
    ['['] = V | P | H,
    ['\\'] = V | P,
    [']'] = V | P | H,
    ['^'] = T | V | P,
    ['_'] = T | V | P | H,
    ['`'] = T | V | P,
    ['a' ... 'z'] = T | V | P | H,
    ['{'] = V | P,
    ['|'] = T | V | P,
    ['}'] = V | P,
    ['~'] = T | V | P | H,
    [0x80 ... 0xff] = V | P,
};

static bool all_of(struct str s, uint8_t class)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(http_chars[(uint8_t)s.p[i]] & class)) return false;
    return true;
}

bool http_is_token(struct str s) { return s.n > 0 && all_of(s, HC_TOKEN); }
bool http_is_value(struct str s) { return all_of(s, HC_VALUE); }

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 102, "Processing" },
        { 103, "Early Hints" },
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 203, "Non-Authoritative Information" },
        { 204, "No Content" },
        { 205, "Reset Content" },
        { 206, "Partial Content" },
        { 207, "Multi-Status" },
        { 208, "Already Reported" },
        { 226, "IM Used" },
        { 300, "Multiple Choices" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 305, "Use Proxy" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 402, "Payment Required" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 407, "Proxy Authentication Required" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Payload Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Entity" },
        { 423, "Locked" },
        { 424, "Failed Dependency" },
        { 425, "Too Early" },
        { 426, "Upgrade Required" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
        { 506, "Variant Also Negotiates" },
        { 507, "Insufficient Storage" },
        { 508, "Loop Detected" },
        { 511, "Network Authentication Required" },
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status) return reasons[i].text;
    return "";
}
