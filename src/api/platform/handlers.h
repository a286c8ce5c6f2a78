/* The handlers of the table in routes.c. */
#ifndef WEFT_API_PLATFORM_HANDLERS_H
#define WEFT_API_PLATFORM_HANDLERS_H

struct preq;

/* session.c */
void session_get(struct preq *q);
void session_post(struct preq *q);
void session_delete(struct preq *q);
void session_password(struct preq *q);
void session_one_time(struct preq *q);
/* users.c */
void users_list(struct preq *q);
void users_create(struct preq *q);
void users_get(struct preq *q);
void users_patch(struct preq *q);
void users_delete(struct preq *q);
void users_password(struct preq *q);
/* projects.c */
void projects_list(struct preq *q);
void projects_create(struct preq *q);
void projects_get(struct preq *q);
void projects_put(struct preq *q);
void projects_delete(struct preq *q);
/* project_parts.c */
void members_put(struct preq *q);
void members_delete(struct preq *q);
void guard_rails_get(struct preq *q);
void guard_rails_put(struct preq *q);
void project_stop(struct preq *q);
void project_go(struct preq *q);
void services_adopt(struct preq *q);
void services_give_up(struct preq *q);
void candidates_list(struct preq *q);
/* tokens.c */
void tokens_list(struct preq *q);
void tokens_create(struct preq *q);
void tokens_delete(struct preq *q);
/* admin.c */
void audit_list(struct preq *q);
void audit_export(struct preq *q);
void settings_get(struct preq *q);
void settings_patch(struct preq *q);
void backup_make(struct preq *q);
/* openapi.c */
void openapi_json(struct preq *q);
void openapi_docs(struct preq *q);
void openapi_css(struct preq *q);

#endif
