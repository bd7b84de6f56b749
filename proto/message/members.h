/* Turns one section of fields.def into struct members. Select a section (#define
 * BB_CELL_FIELDS), include this inside the struct, once per section. */
/* No include guard: meant to be included several times. */
#define REAL(name, unit, min, max, decimals, meaning) struct bb_real name;
#define INTEGER(name, unit, min, max, meaning) struct bb_integer name;
#define FLAG(name, meaning) struct bb_flag name;
#define TEXT(name, bytes, meaning) char name[bytes];
#define OBJECT(name, schema, meaning) struct bb_##schema name;
#define LIST(name, schema, most, meaning)                                                          \
    uint16_t name##_count;                                                                         \
    struct bb_##schema name[most];
#include "proto/message/fields.def"
#undef REAL
#undef INTEGER
#undef FLAG
#undef TEXT
#undef OBJECT
#undef LIST
