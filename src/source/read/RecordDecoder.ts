/** From a record as read to one that fits its schema, or one that is rejected with every issue. */
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as InputIssue from "../../json/InputIssue.ts"
import type { Invalid, RecordInput, Skipped, SourcePosition } from "../../sync/model/CustomerRecord.ts"
import type { ReadNotes } from "./ReadNotes.ts"
import type * as Suspicious from "./Suspicious.ts"
import * as SuspiciousFields from "./SuspiciousFields.ts"

/** Decodes values that have been read. */
export interface RecordDecoder<A> {
  /**
   * Fails with the first issue only, because looking for all of them costs good records too; with `skipped` where the record
   * is left out.
   */
  readonly decode: (encoded: unknown) => Exit.Exit<A, unknown>
  /** Every issue of a value that does not decode, and those that were found when it was read. */
  readonly issues: (
    encoded: unknown,
    found?: ReadonlyArray<InputIssue.InputIssue> | undefined
  ) => ReadonlyArray<InputIssue.InputIssue>
  /** What a record is to be rejected for that does decode. */
  readonly look: SuspiciousFields.Look
}

/** How decoding ends where a mapping leaves the record out. */
export const skipped: Exit.Exit<never, unknown> = Exit.fail("the mapping leaves it out")

/** A record that is left out. */
export const leftOut = (offset: number, line: number, position: SourcePosition | undefined): Skipped => ({
  _tag: "Skipped",
  offset,
  line,
  position
})

/** A decoder for a schema, to be made once for many records. */
export const make = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  options: {
    /** The checks that are switched off. */
    readonly allowSuspicious: ReadonlyArray<Suspicious.Check> | undefined
    readonly notes: ReadNotes
  }
): RecordDecoder<S["Type"]> => {
  const all = SchemaParser.decodeUnknownResult(schema, { errors: "all" })
  const names = InputIssue.names(schema.ast)
  return {
    decode: SchemaParser.decodeUnknownExit(schema),
    look: SuspiciousFields.look(schema.ast, options.allowSuspicious ?? [], options.notes),
    issues: (encoded, found = []) => {
      const tried = Result.try(() => all(encoded))
      const others = Result.isFailure(tried)
        ? undecided
        : Result.isSuccess(tried.success)
          ? []
          : InputIssue.fromSchemaIssue(tried.success.failure).filter(
              ({ path }) => path.length === 0 || !found.some((other) => isWithin(path, other.path))
            )
      return [...found, ...others].map((issue) => InputIssue.withoutData(issue, names))
    }
  }
}

/** Whether one of two places is in the other. */
const isWithin = (one: InputIssue.InputIssue["path"], other: InputIssue.InputIssue["path"]): boolean =>
  one.slice(0, other.length).every((part, index) => part === other[index])

// A schema of a user's own may throw on what it does not expect.
const undecided: ReadonlyArray<InputIssue.InputIssue> = [
  {
    path: [],
    message: "The schema threw when it read this. It may be nested too deep, or nothing that the schema expects"
  }
]

/** Decodes what was found to fit without being decoded. */
export const again =
  <A>({ decode }: RecordDecoder<A>) =>
  (encoded: unknown): A => {
    const exit = decode(encoded)
    if (Exit.isSuccess(exit)) return exit.value
    throw new Error("A record that was transcoded does not fit its schema. Please report this.")
  }

/** A record that was read and does not fit its schema. */
export const mismatch = (
  issues: ReadonlyArray<InputIssue.InputIssue>,
  input: RecordInput,
  offset: number,
  line: number,
  position: SourcePosition | undefined
): Invalid => ({ _tag: "Invalid", offset, line, position, reason: { _tag: "SchemaMismatch", issues }, input })

/** A record that fits its schema and looks spoiled. */
export const suspicious = (
  issues: ReadonlyArray<InputIssue.InputIssue>,
  input: RecordInput,
  offset: number,
  line: number,
  position: SourcePosition | undefined
): Invalid => ({ _tag: "Invalid", offset, line, position, reason: { _tag: "Suspicious", issues }, input })

/** A record that could not be read. */
export const malformed = (
  message: string,
  input: RecordInput,
  offset: number,
  line: number,
  position: SourcePosition | undefined
): Invalid => ({
  _tag: "Invalid",
  offset,
  line,
  position,
  reason: { _tag: "Malformed", issues: [{ path: [], message }] },
  input
})
