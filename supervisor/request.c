#include "supervisor/request.h"

#include <jansson.h>
#include <string.h>

static const struct {
    const char *name;
    bool takes_name;
} verbs[] = {
    [BB_VERB_STATUS] = {"status", false}, [BB_VERB_START] = {"start", true},
    [BB_VERB_STOP] = {"stop", true},      [BB_VERB_RESTART] = {"restart", true},
    [BB_VERB_RELOAD] = {"reload", false},
};

const char *bb_verb_name(enum bb_verb verb)
{
    return verbs[verb].name;
}

static int read_verb(const json_t *object, enum bb_verb *ret_verb, struct bb_problem *problem)
{
    const char *text = json_string_value(json_object_get(object, "verb"));
    if (!text) {
        return bb_fail(problem, BB_ERR_MISSING, "verb", "a request needs a verb");
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, text) == 0) {
            *ret_verb = (enum bb_verb)i;
            return BB_OK;
        }
    }
    return bb_fail(problem, BB_ERR_UNKNOWN, "verb",
                   "unknown verb; there are status, start, stop, restart and reload");
}

static int read_name(const json_t *object, struct bb_request *request, struct bb_problem *problem)
{
    const json_t *value = json_object_get(object, "name");
    const char *text = json_string_value(value);
    if (!verbs[request->verb].takes_name) {
        return value ? bb_fail(problem, BB_ERR_TYPE, "name", "%s takes no name",
                               verbs[request->verb].name)
                     : BB_OK;
    }
    if (!text || *text == '\0') {
        return bb_fail(problem, BB_ERR_MISSING, "name", "%s needs the name of a process",
                       verbs[request->verb].name);
    }
    size_t size = json_string_length(value);
    if (size >= sizeof request->name || strlen(text) != size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "name", "no process has a name like that");
    }
    memcpy(request->name, text, size + 1);
    return BB_OK;
}

int bb_request_parse(const char *line, size_t size, struct bb_request *ret_request,
                     struct bb_problem *problem)
{
    if (size > BB_REQUEST_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "request", "longer than %d bytes", BB_REQUEST_MAX);
    }
    json_error_t where;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return bb_fail(problem, BB_ERR_MALFORMED, "request", "a request is one JSON object");
    }
    struct bb_request request = {0};
    int error = read_verb(object, &request.verb, problem);
    error = error == BB_OK ? read_name(object, &request, problem) : error;
    json_decref(object);
    if (error == BB_OK) {
        *ret_request = request;
    }
    return error;
}
