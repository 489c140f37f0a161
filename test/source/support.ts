import { Arbitrary, Effect, FileSystem, Schema, Stream } from "effect"
import { CustomerFile } from "../../src/index.ts"
import type { CustomerRecord } from "../../src/sync/model/CustomerRecord.ts"

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The same bytes in blocks of these sizes, over and over; whole where there are none. */
export const inBlocks = (bytes: Uint8Array, sizes: ReadonlyArray<number>): Stream.Stream<Uint8Array> => {
  if (sizes.length === 0) return Stream.make(bytes)
  const blocks: Array<Uint8Array> = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    blocks.push(bytes.slice(at, at + size))
    at += size
  }
  return Stream.fromIterable(blocks, { chunkSize: 3 })
}

/** Opens a file of these bytes, which hands out as many of them at a time as these sizes say, over and over. */
export const openOf =
  (bytes: Uint8Array, sizes: ReadonlyArray<number>): FileSystem.FileSystem["open"] =>
  () =>
    Effect.sync(() => {
      let at = 0
      let turn = 0
      const unused = Effect.die(new Error("Nobody is expected to call this."))
      return {
        [FileSystem.FileTypeId]: FileSystem.FileTypeId,
        stat: unused,
        sync: unused,
        readAlloc: () => unused,
        truncate: () => unused,
        write: () => unused,
        writeAll: () => unused,
        seek: (offset) =>
          Effect.sync(() => {
            at = Number(offset)
            return offset
          }),
        read: (buffer) =>
          Effect.sync(() => {
            const some = bytes.subarray(at, at + Math.min(buffer.length, sizes[turn++ % sizes.length] ?? buffer.length))
            buffer.set(some)
            at += some.length
            return some.length
          })
      }
    })

export const readCsv = <S extends Schema.ConstraintDecoder<unknown>>(
  text: string | Uint8Array,
  schema: S,
  options?: CustomerFile.CsvOptions<CustomerFile.FieldOf<S>>,
  sizes: ReadonlyArray<number> = []
) =>
  CustomerFile.csv(inBlocks(typeof text === "string" ? bytesOf(text) : text, sizes), schema, options).pipe(
    Stream.runCollect
  )

export const readNdjson = <S extends Schema.ConstraintDecoder<unknown>>(
  text: string | Uint8Array,
  schema: S,
  options?: CustomerFile.NdjsonOptions<CustomerFile.FieldOf<S>>,
  sizes: ReadonlyArray<number> = []
) =>
  CustomerFile.ndjson(inBlocks(typeof text === "string" ? bytesOf(text) : text, sizes), schema, options).pipe(
    Stream.runCollect
  )

/** The records of a JSON, whose bytes come in blocks of these sizes. */
export const readJson = <S extends Schema.ConstraintDecoder<unknown>>(
  text: string | Uint8Array,
  schema: S,
  options?: CustomerFile.JsonOptions<CustomerFile.FieldOf<S>>,
  sizes: ReadonlyArray<number> = []
) =>
  CustomerFile.json(inBlocks(typeof text === "string" ? bytesOf(text) : text, sizes), schema, options).pipe(
    Stream.runCollect
  )

/** All there is to a record but where its block starts, which depends on the blocks. */
export const withoutPosition = <A>(records: ReadonlyArray<CustomerRecord<A>>) =>
  records.map(({ position: _, ...record }) => record)

/** What went well: the patches; what did not: the tag of the reason; what was left out: that it was. */
export const told = <A>(records: ReadonlyArray<CustomerRecord<A>>) =>
  records.map((record) =>
    record._tag === "Valid" ? record.patch : record._tag === "Invalid" ? record.reason._tag : record._tag
  )

/** One of the items, by chance. */
export const oneOf = <const A>(items: readonly [A, ...ReadonlyArray<A>]): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: items.length - 1 }))),
    (i) => items[i] ?? items[0]
  )

/** Texts that are put together from pieces, most of which a reader may stumble on. */
export const textOf = (pieces: readonly [string, ...ReadonlyArray<string>], maxLength: number) =>
  Arbitrary.map(Arbitrary.array(oneOf(pieces), { maxLength }), (some) => some.join(""))

/** Sizes of blocks, small enough to cut characters and line breaks in two. */
export const sizes = Arbitrary.array(oneOf([1, 2, 3, 5, 8, 13, 40]), { minLength: 1, maxLength: 6 })
