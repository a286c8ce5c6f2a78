/* The names of states, verbs, holds and codes: part of the API, so they never change. */
#include "release/release.h"

static const char *const phases[RELEASE_PHASES_N] = {
    [RELEASE_QUEUED] = "queued",
    [RELEASE_PREPARING] = "preparing",
    [RELEASE_AWAITING_APPROVAL] = "awaiting-approval",
    [RELEASE_AWAITING_WEBHOOK] = "awaiting-webhook",
    [RELEASE_APPLYING] = "applying",
    [RELEASE_VERIFYING] = "verifying",
    [RELEASE_BAKING] = "baking",
    [RELEASE_PROMOTING] = "promoting",
    [RELEASE_WARM] = "warm",
    [RELEASE_ROLLING_BACK] = "rolling-back",
    [RELEASE_SUCCEEDED] = "succeeded",
    [RELEASE_ROLLED_BACK] = "rolled-back",
    [RELEASE_ABORTED] = "aborted",
    [RELEASE_SUPERSEDED] = "superseded",
    [RELEASE_FAILED] = "failed",
};
static const char *const holds[RELEASE_HOLDS_N] = {
    [RELEASE_FREE] = "",
    [RELEASE_HELD_DRIFT] = "drift",
    [RELEASE_HELD_REJECTED] = "rejected",
    [RELEASE_HELD_STOPPED] = "stopped",
    [RELEASE_HELD_FREEZE] = "freeze",
    [RELEASE_HELD_NACK] = "nack",
    [RELEASE_HELD_WEBHOOK] = "webhook",
    [RELEASE_HELD_GAP] = "gap",
    [RELEASE_HELD_PODS] = "pods",
    [RELEASE_HELD_NO_DATA] = "no-data",
    [RELEASE_HELD_SPLIT] = "split-mismatch",
    [RELEASE_HELD_NO_TRAFFIC] = "no-traffic",
    [RELEASE_HELD_APPROVAL] = "approval",
};
static const char *const verbs[RELEASE_VERBS_N] = {
    [RELEASE_START] = "start",
    [RELEASE_PAUSE] = "pause",
    [RELEASE_RESUME] = "resume",
    [RELEASE_APPROVE] = "approve",
    [RELEASE_REJECT] = "reject",
    [RELEASE_PROMOTE] = "promote",
    [RELEASE_SKIP] = "skip",
    [RELEASE_ABORT] = "abort",
    [RELEASE_ROLLBACK] = "rollback",
    [RELEASE_RETRY] = "retry",
    [RELEASE_TAKE_THEIRS] = "take-theirs",
    [RELEASE_KEEP_OURS] = "keep-ours",
    [RELEASE_NOTE] = "note",
    [RELEASE_SUPERSEDE] = "supersede",
};
static const char *const codes[RELEASE_CODES_N] = {
    [RELEASE_CODE_CREATED] = "created",
    [RELEASE_CODE_START] = "start",
    [RELEASE_CODE_STARTED] = "started",
    [RELEASE_CODE_PREPARED] = "prepared",
    [RELEASE_CODE_STEP_ENTERED] = "step-entered",
    [RELEASE_CODE_STEP_VERIFIED] = "step-verified",
    [RELEASE_CODE_STEP_PASSED] = "step-passed",
    [RELEASE_CODE_STEP_SKIPPED] = "step-skipped",
    [RELEASE_CODE_APPROVAL_WANTED] = "approval-wanted",
    [RELEASE_CODE_APPROVED] = "approved",
    [RELEASE_CODE_REJECTED] = "rejected",
    [RELEASE_CODE_WEBHOOK_CALLED] = "webhook-called",
    [RELEASE_CODE_WEBHOOK_PASSED] = "webhook-passed",
    [RELEASE_CODE_WEBHOOK_FAILED] = "webhook-failed",
    [RELEASE_CODE_PAUSED] = "paused",
    [RELEASE_CODE_RESUMED] = "resumed",
    [RELEASE_CODE_HELD] = "held",
    [RELEASE_CODE_HOLD_ENDED] = "hold-ended",
    [RELEASE_CODE_INCONCLUSIVE] = "inconclusive",
    [RELEASE_CODE_PROMOTE] = "promote",
    [RELEASE_CODE_PROMOTING] = "promoting",
    [RELEASE_CODE_PROMOTED] = "promoted",
    [RELEASE_CODE_HARM] = "harm",
    [RELEASE_CODE_GUARD_RAIL] = "guard-rail",
    [RELEASE_CODE_NO_PODS] = "no-pods",
    [RELEASE_CODE_CRASHING] = "crashing",
    [RELEASE_CODE_DEADLINE] = "deadline",
    [RELEASE_CODE_ABORT] = "abort",
    [RELEASE_CODE_ROLLBACK] = "rollback",
    [RELEASE_CODE_ROLLING_BACK] = "rolling-back",
    [RELEASE_CODE_SUPERSEDE] = "supersede",
    [RELEASE_CODE_RETRY] = "retry",
    [RELEASE_CODE_TAKE_THEIRS] = "take-theirs",
    [RELEASE_CODE_KEEP_OURS] = "keep-ours",
    [RELEASE_CODE_NOTE] = "note",
    [RELEASE_CODE_RESTORED] = "restored",
    [RELEASE_CODE_UNVERIFIED] = "unverified",
    [RELEASE_CODE_SUCCEEDED] = "succeeded",
    [RELEASE_CODE_ROLLED_BACK] = "rolled-back",
    [RELEASE_CODE_ABORTED] = "aborted",
    [RELEASE_CODE_SUPERSEDED] = "superseded",
    [RELEASE_CODE_FAILED] = "failed",
};

const char *release_phase_name(enum release_phase p) { return phases[p]; }
const char *release_hold_name(enum release_hold h) { return holds[h]; }
const char *release_verb_name(enum release_verb v) { return verbs[v]; }
const char *release_code_name(enum release_code c) { return codes[c]; }

int release_verb_of(const char *name)
{
    for (int i = 0; i < RELEASE_VERBS_N; i++)
        if (strcmp(verbs[i], name) == 0) return i;
    return -1;
}

const char *release_state_name(const struct release *r)
{
    if (release_ended(r) || r->phase == RELEASE_ROLLING_BACK || r->phase == RELEASE_WARM) return phases[r->phase];
    if (r->paused_by) return "paused";
    if (r->held) return "held";
    if (r->inconclusive) return "inconclusive";
    return phases[r->phase];
}

const char *release_verdict(const struct release *r, enum release_evidence evidence, bool leaning)
{
    static const char *const of_phase[RELEASE_PHASES_N] = {
        [RELEASE_AWAITING_APPROVAL] = "approval", [RELEASE_PROMOTING] = "promoting",     [RELEASE_WARM] = "succeeded",
        [RELEASE_SUCCEEDED] = "succeeded",        [RELEASE_ROLLED_BACK] = "rolled-back", [RELEASE_ABORTED] = "aborted",
        [RELEASE_SUPERSEDED] = "superseded",      [RELEASE_FAILED] = "aborted",
    };
    if (r->phase == RELEASE_ROLLING_BACK) return of_phase[r->ending];
    if (release_ended(r) || r->phase == RELEASE_WARM) return of_phase[r->phase];
    if (r->paused_by) return "paused";
    if (r->held) return "held";
    if (r->inconclusive) return "inconclusive";
    if (of_phase[r->phase]) return of_phase[r->phase];
    if (evidence == RELEASE_HARM || evidence == RELEASE_GUARD_RAIL || leaning) return "harm-likely";
    return r->phase == RELEASE_BAKING && evidence == RELEASE_SHIP ? "no-harm" : "watching";
}
