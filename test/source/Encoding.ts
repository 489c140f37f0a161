import { assert } from "@effect/vitest"
import { ByteSize, Effect, FileSystem, Option, type Schema, Stream } from "effect"
import { CustomerFile, Source, type SourceNote } from "../../src/index.ts"
import type { SourcePosition } from "../../src/sync/model/CustomerRecord.ts"
import type * as Encode from "../../src/sync/record/Encode.ts"
import type { EncodedRecord } from "../../src/sync/record/EncodedRecord.ts"
import { openOf } from "./support.ts"

/** A file of these bytes, handed out in blocks of these sizes. */
export const file = (bytes: Uint8Array, sizes: ReadonlyArray<number>) =>
  FileSystem.layerNoop({
    open: openOf(bytes, sizes),
    stat: () =>
      Effect.succeed({
        type: "File",
        mtime: Option.none(),
        atime: Option.none(),
        birthtime: Option.none(),
        dev: 0n,
        ino: Option.none(),
        mode: 0,
        nlink: Option.none(),
        uid: Option.none(),
        gid: Option.none(),
        rdev: Option.none(),
        size: ByteSize.bytes(bytes.length),
        blksize: Option.none(),
        blocks: Option.none()
      })
  })

export interface Collected {
  readonly records: ReadonlyArray<object>
  readonly positions: ReadonlyArray<SourcePosition | undefined>
  readonly failure: unknown
}

/** That it is the same once it keeps no other in memory. */
const assertAlone = <A>(record: EncodedRecord<A>) => {
  const alone = record.alone()
  assert.strictEqual(alone.block.bytes.length, record.bytes)
  for (const field of ["offset", "line", "position", "key", "keyHash", "json"] as const) {
    assert.strictEqual(alone[field], record[field], field)
  }
  assert.deepStrictEqual(alone.patch, record.patch)
}

/** All that comes out, and what ended it. */
export const collect = <A, E, R>(
  encoded: Stream.Stream<Encode.Encoded<A>, E, R>
): Effect.Effect<Collected, never, R> => {
  const records: Array<object> = []
  const positions: Array<SourcePosition | undefined> = []
  return encoded.pipe(
    Stream.runForEachArray((chunk) =>
      Effect.sync(() => {
        for (const record of chunk) {
          positions.push(record.position)
          if (record._tag === "Encoded" && record.offset % 10 === 0) assertAlone(record)
          const { line, offset } = record
          records.push(
            record._tag === "Encoded"
              ? {
                  offset,
                  line,
                  key: record.key,
                  json: JSON.parse(record.json),
                  bytes: record.bytes,
                  patch: record.patch
                }
              : record._tag === "Skipped"
                ? { offset, line, tag: record._tag }
                : { offset, line, key: record.key, outcome: record.outcome, input: record.input }
          )
        }
      })
    ),
    Effect.match({
      onFailure: (failure) => ({ records, positions, failure }),
      onSuccess: () => ({ records, positions, failure: undefined })
    })
  )
}

/** The same file, encoded by the source itself and by way of its records. */
export const both = <S extends Schema.ConstraintDecoder<unknown>>(
  path: string,
  schema: S,
  encoder: () => Encode.Encoder<S["Type"]>,
  options: CustomerFile.CsvOptions<CustomerFile.FieldOf<S>>
) => {
  const source = CustomerFile.read(path, schema, options)
  const itself = source.encoded?.(encoder())
  if (itself === undefined) throw new Error("The source does not encode its records itself.")
  return {
    itself,
    records: Source.encoded({ from: source.from }, encoder()),
    notes: () => Source.notes(source, { ended: true })
  }
}

/**
 * That both give the same, and the source itself the rest from each place where reading can start again. Returns what both
 * had to tell.
 */
export const assertSame = <A, E, R>(
  {
    itself,
    notes,
    records
  }: {
    readonly itself: Source.EncodedFrom<A, E, R>
    readonly records: Source.EncodedFrom<A, E, R>
    readonly notes: () => ReadonlyArray<SourceNote.SourceNote>
  },
  bytes: Uint8Array,
  sizes: ReadonlyArray<number>
) =>
  Effect.gen(function* () {
    const expected = yield* Effect.provide(collect(records(undefined)), file(bytes, []))
    const told = notes()
    const found = yield* Effect.provide(collect(itself(undefined)), file(bytes, sizes))
    assert.deepStrictEqual(notes(), told)
    assert.deepStrictEqual(found.records, expected.records)
    assert.deepStrictEqual(found.failure, expected.failure)
    const places = new Map(found.positions.map((position) => [position?.offset, position]))
    for (const place of places.values()) {
      assert.isDefined(place)
      const again = yield* Effect.provide(collect(itself(place)), file(bytes, sizes))
      assert.deepStrictEqual(again.records, found.records.slice(place.offset))
      assert.deepStrictEqual(again.failure, found.failure)
    }
    return told
  })

/** How many records of a file the schema has to read, and how many there are. */
export const decoded = <S extends Schema.ConstraintDecoder<unknown>>(
  path: string,
  schema: S,
  encoder: () => Encode.Encoder<S["Type"]>,
  bytes: Uint8Array
) =>
  Effect.gen(function* () {
    let count = 0
    const counting = (): Encode.Encoder<S["Type"]> => {
      const inner = encoder()
      return {
        ...inner,
        encode: (record) => {
          count++
          return inner.encode(record)
        }
      }
    }
    const { itself } = both(path, schema, counting, {})
    const { failure, records } = yield* Effect.provide(collect(itself(undefined)), file(bytes, [64 * 1024]))
    assert.isUndefined(failure)
    return { count, of: records.length }
  })
