/**
 * What a mapping says, as schemas: from code or from a JSON file.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const described = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description }))

const NonEmpty = Schema.NonEmptyString
const Words = Schema.Array(Schema.String)

/**
 * Where the value of a field comes from. A text is the name of a column, or of a key of a JSON object; one that begins with
 * `/` is a JSON pointer (RFC 6901), `/address/city`, and a name that begins so is written as one: `/~1name`. Several are
 * joined (`with` a space unless another text is said; empty ones are left out), or the first that is not empty is taken. A
 * constant is the same for every record.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Origin = Schema.Union([
  NonEmpty,
  Schema.NonEmptyArray(NonEmpty),
  Schema.Struct({ join: Schema.NonEmptyArray(NonEmpty), with: Schema.optionalKey(Schema.String) }),
  Schema.Struct({ firstOf: Schema.NonEmptyArray(NonEmpty) }),
  Schema.Struct({ constant: Schema.Json })
]).annotate({
  description:
    'A column or key ("E-mail"), a JSON pointer ("/address/city"), several that are joined (["First", "Last"], or { "join": […], "with": "-" }), the first that is not empty ({ "firstOf": […] }), or the same for all ({ "constant": … }).'
})

/**
 * @category models
 * @since 0.1.0
 */
export type Origin = typeof Origin.Type

const zone = Schema.String.annotate({ description: 'An IANA time zone, such as "Europe/Berlin" or "UTC".' })
const time = Schema.String.check(Schema.isPattern(/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/)).annotate({
  description: 'The time of day where the text has none: "00:00".'
})
const clockChange = Schema.optionalKey(
  Schema.Literals(["reject", "earlier", "later"]).annotate({
    description:
      "What becomes of a local time that comes twice, or not at all, because clocks are changed (default: reject)."
  })
)

/**
 * How a date is read. What comes out is an RFC 3339 date-time in UTC; what is one already (`rfc3339`) stays as it is.
 *
 * A `format` is written in the letters of Unicode's date fields: `yyyy`, `MM` or `M`, `MMM` or `MMMM` (English names), `dd` or
 * `d`, `HH` or `H`, `hh` or `h` with `a`, `mm`, `ss`, `S` to `SSSSSS`, and `XXX` for an offset (`+01:00`, `Z`). Other letters
 * stand in apostrophes. Of several formats exactly one must fit, or those that fit must name the same time. Nothing is
 * guessed: a format without an offset needs a `zone`, and one without a time of day a `time`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DateReading = Schema.Union([
  Schema.Literals(["rfc3339", "epoch-seconds", "epoch-millis"]),
  Schema.Struct({
    as: Schema.Literal("date-only").annotate({ description: "2024-01-15, at a time of day." }),
    zone,
    time,
    clockChange
  }),
  Schema.Struct({
    as: Schema.Literal("excel").annotate({ description: "Days since 1900 as Excel counts them, with a fraction." }),
    zone,
    clockChange
  }),
  Schema.Struct({
    format: Schema.Union([NonEmpty, Schema.NonEmptyArray(NonEmpty)]).annotate({
      description: 'Such as "dd.MM.yyyy HH:mm", or several of which one must fit.'
    }),
    zone: Schema.optionalKey(zone),
    time: Schema.optionalKey(time),
    clockChange
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type DateReading = typeof DateReading.Type

/**
 * How a phone number is read: to E.164 (`+14155550100`). One without a country code is taken to be of `region`; without a
 * region it is no number. What is no valid number, or has an extension, which E.164 cannot say, is rejected (the default),
 * kept as it is, or left out.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PhoneReading = Schema.Struct({
  region: described(
    Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)),
    'The country of numbers without a country code, by ISO 3166-1: "US".'
  ),
  otherwise: described(
    Schema.Literals(["reject", "keep", "leave-out"]),
    "What becomes of what is no number (default: reject)."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type PhoneReading = typeof PhoneReading.Type

const texts = {
  trim: described(Schema.Boolean, "Take white space off both ends (default: false)."),
  withoutPrefix: described(
    Schema.Union([NonEmpty, Schema.NonEmptyArray(NonEmpty)]),
    "What is taken off the beginning where it stands there, such as the apostrophe of spreadsheets."
  ),
  case: described(Schema.Literals(["lower", "upper"]), "Turn letters into lower or upper case."),
  empty: described(
    Schema.Union([Schema.Literals(["absent", "null", "text"]), Schema.Struct({ default: Schema.Json })]),
    "What it means that there is nothing: keep what is stored (absent, the default), delete it (null), the empty text, or a value in its place."
  ),
  emptyWords: described(
    Schema.Array(Schema.NullOr(Schema.String)),
    'Words that mean that there is nothing: ["n/a", "-"]. null stands for the null of JSON, which deletes otherwise.'
  ),
  deleteWords: described(Words, 'Words that delete on purpose what is stored: ["NULL"].'),
  numberAsText: described(Schema.Boolean, "Take a number of JSON as text, digit by digit (default: false).")
}

/**
 * How one field is read, in this order: `from`, `withoutPrefix` and `trim`, `emptyWords`, `deleteWords` and `empty`, `case`,
 * then one of `words`, `date` and `phone`, then `means`. What is not said changes nothing.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FieldMapping = Schema.Struct({
  from: Schema.optionalKey(Origin),
  ...texts,
  words: described(
    Schema.Union([
      Schema.Literal("yes/no"),
      Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Boolean, Schema.Finite, Schema.Null]))
    ]),
    'What words mean: "yes/no" for yes, y, true, t, on, 1 and their opposites, or { "gold": "tier-1", … }. Upper and lower case are the same. For consent: { "subscribed": "optIn", "cleaned": "optOut" }. A word that is not among them is rejected.'
  ),
  means: described(
    Schema.Literals(["optIn", "optOut"]),
    "For a field about consent: what a true, or a yes, of the source says."
  ),
  date: described(DateReading, "How a date is read."),
  phone: described(PhoneReading, "How a phone number is read.")
})

/**
 * @category models
 * @since 0.1.0
 */
export type FieldMapping = typeof FieldMapping.Type

/**
 * Records that are left out: those in which the value at `when` `is` one of some words, or is none of them (`isNot`). White
 * space around it, and upper and lower case, make no difference; `""` is an empty one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Skip = Schema.Union([
  Schema.Struct({ when: NonEmpty, is: Schema.NonEmptyArray(Schema.String) }),
  Schema.Struct({ when: NonEmpty, isNot: Schema.NonEmptyArray(Schema.String) })
])

/**
 * @category models
 * @since 0.1.0
 */
export type Skip = typeof Skip.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Mapping = Schema.Struct({
  /** For editors. */
  $schema: Schema.optionalKey(Schema.String),
  fields: Schema.Record(Schema.String, FieldMapping).annotate({
    description: "By field of the destination; one that is not named is read from the column of its own name."
  }),
  defaults: Schema.optionalKey(
    Schema.Struct(texts).annotate({ description: "What holds for each field that does not say otherwise." })
  ),
  skip: described(Schema.Array(Skip), "Records that are left out, and counted."),
  otherColumns: described(
    Schema.Literals(["refuse", "ignore"]),
    "What happens to columns that nothing is read from (default: refuse)."
  )
}).annotate({ identifier: "Mapping", title: "A mapping of Patchbay: which columns become which fields, and how" })

/**
 * How the records of a source become those of a destination whose fields are `Field`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mapping<Field extends string = string> extends Omit<typeof Mapping.Type, "fields"> {
  readonly fields: { readonly [F in Field]?: FieldMapping | undefined }
}
