/* Packed prunetext models in C, and in whatever calls C: load one from memory, label texts, say why.
 *
 *     char message[200];
 *     prunetext_model *model = prunetext_load(bytes, size, message, sizeof message);
 *     const int32_t label = prunetext_predict(model, "A great film!", 13, NULL, 0, NULL, NULL);
 *     puts(prunetext_label(model, label, NULL));
 *     prunetext_free(model);
 *
 * Texts and labels are UTF-8; what is no UTF-8 is left out. No exception leaves these functions. A model never changes:
 * several threads may use it at a time. Nothing is kept of what a call was given.
 */
#ifndef PRUNETEXT_H
#define PRUNETEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prunetext_model prunetext_model;

typedef enum {
    PRUNETEXT_CLASSIFICATION = 0, /* a text has one label */
    PRUNETEXT_PAIRS = 1,          /* two texts have one label together */
    PRUNETEXT_LABELS = 2          /* a text has any number of labels */
} prunetext_task;

/* Read the bytes of a packed file, which are copied. NULL if they are no sound model, or if memory is short; `message`
 * then holds the reason in at most `room` bytes, its NUL among them. It may be NULL. */
prunetext_model *prunetext_load(const void *bytes, size_t size, char *message, size_t room);

/* Give the model's memory back; NULL is allowed. */
void prunetext_free(prunetext_model *model);

prunetext_task prunetext_task_of(const prunetext_model *model);

size_t prunetext_label_count(const prunetext_model *model);

/* A label, from 0 on: UTF-8 that ends in NUL and lives as long as the model. `length`, unless NULL, takes its bytes.
 * NULL if there is no such label. */
const char *prunetext_label(const prunetext_model *model, size_t label, size_t *length);

/* The threshold of the file, below which the probability of the winner is too small to be trusted; 0 if it has none. */
double prunetext_reject(const prunetext_model *model);

/* Label one text of `length` bytes or, with a model of pairs, two of them; else `second` is NULL.
 *
 * Returns the label with the largest logit, or -1 if the number of texts is wrong or memory is short. `probabilities`,
 * unless NULL, takes a number for each label; `chosen`, unless NULL, 1 for each label that the text is given, else 0.
 */
int32_t prunetext_predict(const prunetext_model *model, const char *text, size_t length, const char *second,
                          size_t second_length, float *probabilities, uint8_t *chosen);

/* What some bytes of a text add to a label's logit. */
typedef struct {
    uint64_t text;       /* 0, or 1 for the second of a pair */
    uint64_t begin, end; /* in bytes of that text */
    double logit;
} prunetext_part;

/* Say which bytes of a text, or of two, a label's logit comes from. `label` is one of the model's, or -1 for the one with
 * the largest logit.
 *
 * Returns the number of parts, or -1 if the number of texts is wrong, if there is no such label, or if memory is short.
 * The first `room` of them are written to `parts`. All parts and `base` add up to `logit`, the label's number before the
 * temperature. If a text has exactly one label, a part is what its bytes add beyond what they add to all labels on
 * average; that average is in `base`.
 */
int64_t prunetext_explain(const prunetext_model *model, const char *text, size_t length, const char *second,
                          size_t second_length, int32_t label, double *logit, double *base, prunetext_part *parts,
                          size_t room);

#ifdef __cplusplus
}
#endif

#endif
