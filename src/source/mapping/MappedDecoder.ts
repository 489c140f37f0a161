/** Decoding what a mapping reads. */
import * as Exit from "effect/Exit"
import type { InputIssue } from "../../json/InputIssue.ts"
import * as RecordDecoder from "../read/RecordDecoder.ts"
import type * as SuspiciousFields from "../read/SuspiciousFields.ts"
import type { MappingCounts } from "./Counts.ts"
import type { Mapped, RowMapper } from "./RowMapper.ts"

const refused = Exit.fail("the mapping refuses it")

/** Decodes values of a kind through a mapping. */
export interface MappedDecoder<V, A> {
  readonly decode: (value: V) => Exit.Exit<A, unknown>
  readonly issues: (value: V, found?: ReadonlyArray<InputIssue> | undefined) => ReadonlyArray<InputIssue>
  /** Looks at what the mapping made, not at what stands in the source. */
  readonly look: SuspiciousFields.Look
}

/** A decoder of what a mapper makes of values of a kind. */
export const make = <V, A>(
  read: (value: V, counts?: MappingCounts | undefined) => Mapped,
  { labelOf }: RowMapper,
  to: RecordDecoder.RecordDecoder<A>,
  counts: MappingCounts
): MappedDecoder<V, A> => {
  const told = (issue: InputIssue): InputIssue => {
    const [field] = issue.path
    const label = typeof field === "string" ? labelOf(field) : undefined
    return label === undefined || issue.message.startsWith(label)
      ? issue
      : { path: issue.path, message: `${label}: ${issue.message}` }
  }
  const count = (refused: ReadonlyArray<InputIssue>): void => {
    for (const { path } of refused) if (typeof path[0] === "string") counts.refused(path[0])
  }
  return {
    decode: (value) => {
      const mapped = read(value, counts)
      if (mapped._tag === "Skipped") return RecordDecoder.skipped
      return mapped.issues.length > 0 ? refused : to.decode(mapped.value)
    },
    issues: (value, found = []) => {
      const mapped = read(value)
      if (mapped._tag === "Skipped") return found
      const own = [...found, ...mapped.issues]
      const all = to.issues(mapped.value, own).map(told)
      // What the mapper refused is counted already.
      count(all.slice(own.length))
      return all
    },
    look: (patch, line) => {
      const spoiled = to.look(patch, line)?.map(told)
      count(spoiled ?? [])
      return spoiled
    }
  }
}
