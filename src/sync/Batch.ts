/**
 * Batches: non-empty runs of records that go out in one request each.
 *
 * @since 0.1.0
 */
import { Array as Arr, Stream } from "effect"
import type { BatchPolicy } from "../policy/BatchPolicy.ts"
import type { Valid } from "./CustomerRecord.ts"
import type { Destination } from "./Destination.ts"

/**
 * A record that is encoded and ready to go.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncodedRecord<A> {
  readonly record: Valid<A>
  readonly key: string
  readonly json: string
  /** UTF-8 bytes of `json`. */
  readonly bytes: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Batch<A> {
  /** 1-based, in the order in which batches are closed. */
  readonly number: number
  readonly records: Arr.NonEmptyReadonlyArray<EncodedRecord<A>>
  /** UTF-8 bytes of the whole body. */
  readonly bytes: number
}

/**
 * The body of a request that holds these records.
 *
 * @category encoding
 * @since 0.1.0
 */
export const body = <A>(
  records: ReadonlyArray<EncodedRecord<A>>,
  [open, close]: readonly [open: string, close: string]
): string => {
  let text = open
  for (let i = 0; i < records.length; i++) text += i === 0 ? records[i]?.json : `,${records[i]?.json}`
  return text + close
}

/**
 * The UTF-8 bytes that `TextEncoder` makes of a text (a lone surrogate becomes U+FFFD, three bytes), without
 * making them.
 *
 * @category encoding
 * @since 0.1.0
 */
export const utf8Bytes = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // A surrogate pair is two units and four bytes; what stands alone among three-byte units is three.
    bytes += unit < 0x800 ? 1 : 2
    if (unit >= 0xd800 && unit < 0xdc00) {
      const next = text.charCodeAt(i + 1)
      if (next >= 0xdc00 && next < 0xe000) i++
    }
  }
  return bytes
}

/**
 * Collects records into batches that hold no more records than the policy and the destination allow, and
 * whose bodies have no more bytes than the policy allows. A record that is too large even alone must have
 * been taken out before.
 *
 * @category combinators
 * @since 0.1.0
 */
export const collect = <A>(policy: BatchPolicy, destination: Pick<Destination<A>, "maxRecords" | "envelope">) => {
  const maxRecords = Math.min(policy.maxRecords, destination.maxRecords)
  const envelope = envelopeBytes(destination)
  return <E, R>(records: Stream.Stream<EncodedRecord<A>, E, R>): Stream.Stream<Batch<A>, E, R> =>
    Stream.suspend(() => {
      let number = 0
      let open: Array<EncodedRecord<A>> = []
      let bytes = envelope
      const close = (closed: Array<Batch<A>>) => {
        if (Arr.isArrayNonEmpty(open)) closed.push({ number: ++number, records: open, bytes })
        open = []
        bytes = envelope
      }
      return Stream.mapAccumArray(
        records,
        () => undefined,
        (_, chunk) => {
          const closed: Array<Batch<A>> = []
          for (const record of chunk) {
            const more = record.bytes + (open.length === 0 ? 0 : 1)
            if (open.length === maxRecords || bytes + more > policy.maxBytes) close(closed)
            bytes += record.bytes + (open.length === 0 ? 0 : 1)
            open.push(record)
          }
          return [undefined, closed]
        },
        {
          onHalt: () => {
            const closed: Array<Batch<A>> = []
            close(closed)
            return closed
          }
        }
      )
    })
}

/**
 * The bytes of a body without records.
 *
 * @category encoding
 * @since 0.1.0
 */
export const envelopeBytes = (destination: { readonly envelope: readonly [string, string] }): number =>
  utf8Bytes(destination.envelope[0]) + utf8Bytes(destination.envelope[1])
