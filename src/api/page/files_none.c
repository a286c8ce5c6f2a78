/* In place of the page, where it was not built (ui/README.md). */
#include "api/page/page.h"

static const char html[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weft</title><h1>Weft</h1>"
    "<p>This weftd was built without its page. The calls are described in <a href=\"/weft/v1/docs\">/weft/v1/docs</a>.";

const struct page_file page_files[] = {
    { "/index.html", "text/html; charset=utf-8", "\"none\"", (const unsigned char *)html, NULL, sizeof html - 1, 0, false },
};
const size_t n_page_files = ARRAY_LEN(page_files);
