/* Packed prunetext models in C, and in whatever calls C: load one from memory, label texts, say why.
 *
 *     char message[200];
 *     prunetext_model *model = prunetext_load(bytes, size, message, sizeof message);
 *     const int32_t label = prunetext_predict(model, "A great film!", 13, NULL, 0, NULL, NULL);
 *     puts(prunetext_label(model, label, NULL));
 *     prunetext_free(model);
 *
 * Texts and labels are UTF-8; what is no UTF-8 is left out. No exception leaves these functions. A model never changes:
 * several threads may use it at a time. No pointer that a call was given is kept; each thread keeps some room for its
 * next call, at most a few megabytes, in which its last text may stand.
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

/* What some characters add to a label's logit: the bytes from `begin` to before `end` of a text or, of a pair, of the
 * first (0) or the second (1). */
typedef struct {
    size_t text, begin, end;
    double logit;
} prunetext_part;

/* The label's logit is `base` and the logits of all parts added up. `base` is what no word adds, such as the bias. If a
 * text has exactly one label, a part is what its characters add beyond what they add to all labels on average. */
typedef struct {
    int32_t label;
    float probability;
    double logit, base;
    size_t count;
    const prunetext_part *parts;
} prunetext_explanation;

/* Why a text or pair gets a label; -1 stands for the one with the largest logit. NULL if the number of texts is wrong,
 * if there is no such label, if a text has 2^31 bytes or more, or if memory is short. */
prunetext_explanation *prunetext_explain(const prunetext_model *model, const char *text, size_t length,
                                         const char *second, size_t second_length, int32_t label);

/* Give its memory back; NULL is allowed. */
void prunetext_free_explanation(prunetext_explanation *explanation);

#ifdef __cplusplus
}
#endif

#endif
