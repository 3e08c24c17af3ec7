/* The half of a session that deals with jobs and shares; session.c has the dialogue. Pure. */
#ifndef HB_MINER_SESSION_WORK_H
#define HB_MINER_SESSION_WORK_H

#include "miner/stratum/session.h"

/* Writes a request and returns its id. */
int64_t session_ask(struct session *session, struct stratum_request *request, hb_mono now,
                    struct session_effects *effects);

/* A job, which becomes work unless the extranonce is not known yet. */
void session_take_notify(struct session *session, const struct job_notify *notify, hb_mono now,
                         struct session_effects *effects);
/* Holds at once, for the job in hand too. */
void session_take_version_mask(struct session *session, uint32_t mask,
                               struct session_effects *effects);
/* The extranonce is known now: a job that waited for it becomes work. */
void session_start_work(struct session *session, struct session_effects *effects);
void session_forget_work(struct session *session);
/* Sends the shares that waited for mining.authorize. */
void session_send_held(struct session *session, hb_mono now, struct session_effects *effects);
/* Accounts for the reply to a share; any other is ignored. */
void session_take_verdict(struct session *session, const struct stratum_reply *reply, hb_mono now,
                          struct session_effects *effects);
/* Empty effects, before a call fills them. */
void session_clear_effects(struct session_effects *effects);

#endif
