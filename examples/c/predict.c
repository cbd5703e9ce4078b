/* Label texts with a packed model, in C.
 *
 *     make c
 *     cc -I build/c examples/c/predict.c build/c/libprunetext.a -lstdc++ -lm -o predict
 *     printf '%s\n' 'A great film!' 'Dull.' | ./predict model.safetensors
 *
 * Each line is a text or, with a model of pairs, two of them with a tab between. Printed are the probability of the
 * most probable label and, behind tabs, the labels that the text is given.
 */
#include <prunetext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 0;
    *size = 0;
    while (file && !ferror(file) && !feof(file)) {
        if (*size == room) {
            char *larger = realloc(bytes, room = 2 * room + 65536);
            if (!larger) break;
            bytes = larger;
        }
        *size += fread(bytes + *size, 1, room - *size, file);
    }
    if (!file || !feof(file)) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return bytes;
}

/* The next line of the input without its end, NULL behind the last one; it grows with the longest line. */
static char *read_line(char **line, size_t *room) {
    size_t size = 0;
    int unit;
    while ((unit = getchar()) != EOF && unit != '\n') {
        if (size + 1 >= *room) {
            char *larger = realloc(*line, *room = 2 * *room + 4096);
            if (!larger) return NULL;
            *line = larger;
        }
        (*line)[size++] = (char)unit;
    }
    if (unit == EOF && size == 0) return NULL;
    if (!*line && !(*line = malloc(*room = 4096))) return NULL;
    (*line)[size] = 0;
    return *line;
}

int main(int count, char **arguments) {
    char message[256], *line = NULL;
    size_t size, room = 0;
    if (count != 2) {
        fprintf(stderr, "usage: %s MODEL < TEXTS\n", arguments[0]);
        return 2;
    }
    void *bytes = read_whole(arguments[1], &size);
    prunetext_model *model = prunetext_load(bytes, size, message, sizeof message);
    free(bytes); /* the model has a copy of what it needs */
    if (!model) {
        fprintf(stderr, "%s cannot be loaded: %s\n", arguments[1], message);
        return 1;
    }
    const size_t labels = prunetext_label_count(model);
    float *probabilities = malloc(labels * sizeof *probabilities);
    uint8_t *chosen = malloc(labels);
    if (!probabilities || !chosen) return 1;
    while (read_line(&line, &room)) {
        char *second = prunetext_task_of(model) == PRUNETEXT_PAIRS ? strchr(line, '\t') : NULL;
        if (second) *second++ = 0;
        const int32_t winner = prunetext_predict(model, line, strlen(line), second, second ? strlen(second) : 0,
                                                 probabilities, chosen);
        if (winner < 0) {
            fputs("a line is no pair of texts with a tab between them, or memory is short\n", stderr);
            return 1;
        }
        printf("%.9g", (double)probabilities[winner]);
        for (size_t i = 0; i < labels; ++i)
            if (chosen[i]) printf("\t%s", prunetext_label(model, i, NULL));
        putchar('\n');
    }
    free(line);
    free(probabilities);
    free(chosen);
    prunetext_free(model);
    return 0;
}
