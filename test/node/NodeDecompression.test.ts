import * as zlib from "node:zlib"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Option, Path, Stream } from "effect"
import {
  BatchPolicy,
  CustomerFile,
  type CustomerRecord,
  Encode,
  ReachDestination,
  ReachSchema,
  RecordCount
} from "../../src/index.ts"
import { NodeDecompression } from "../../src/node/index.ts"
import type { SourcePosition } from "../../src/sync/model/CustomerRecord.ts"
import * as Encoding from "../source/Encoding.ts"
import { bytesOf, inBlocks, oneOf, sizes, withoutPosition } from "../source/support.ts"

const compress = {
  gzip: zlib.gzipSync,
  zstd: zlib.zstdCompressSync,
  brotli: zlib.brotliCompressSync
} as const

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

const skippable = (content: ReadonlyArray<number>) =>
  Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, content.length, 0, 0, 0, ...content)

const row = (index: number) => `c-${index},Zoë ${(index * 7919) % 1009},${(index * 104_729) % 99_991}@example.org\n`
const csvOf = (count: number) =>
  `customerId,firstName,email\n${Array.from({ length: count }, (_, index) => row(index)).join("")}`

/** The id of a record, or what became of it. */
const idOf = (record: CustomerRecord.CustomerRecord<ReachSchema.CustomerPatch>): string =>
  record._tag === "Valid" ? record.patch.customerId : record._tag === "Invalid" ? record.reason._tag : record._tag

/** What comes out of a compressed CSV, and what ended it. */
const read = (bytes: Uint8Array, blocks: ReadonlyArray<number>, source = "customers.csv") =>
  Effect.suspend(() => {
    const ids: Array<string> = []
    return CustomerFile.csv(inBlocks(bytes, blocks), ReachSchema.CustomerPatch, { source }).pipe(
      Stream.runForEach((record) => Effect.sync(() => ids.push(idOf(record)))),
      Effect.match({ onFailure: Option.some, onSuccess: Option.none }),
      Effect.map((failure) => ({ ids, failure: Option.getOrUndefined(failure) }))
    )
  }).pipe(Effect.provide(NodeDecompression.layer))

const idsOf = (count: number) => Array.from({ length: count }, (_, index) => `c-${index}`)

describe("a compressed source", () => {
  it.effect("is read whatever its name is, in one part or several, with what may stand between them", () =>
    Effect.gen(function* () {
      const [first, second] = [bytesOf(csvOf(300)), bytesOf(row(300) + row(301))]
      for (const compression of ["gzip", "zstd"] as const) {
        const [a, b] = [compress[compression](first), compress[compression](second)]
        const archives = [
          concat(a, b),
          ...(compression === "gzip"
            ? [concat(a, b, new Uint8Array(40)), concat(a, new Uint8Array(3), b)]
            : [concat(skippable([1, 2, 3]), a, skippable([]), b, skippable([0x1f, 0x8b]))])
        ]
        // The second part starts in a block of its own, in that of the first, or in the middle of one.
        for (const archive of archives) {
          for (const blocks of [[], [1], [7], [a.length], [a.length + 1], [a.length - 1]]) {
            const { failure, ids } = yield* read(archive, blocks)
            assert.isUndefined(failure)
            assert.deepStrictEqual(ids, idsOf(302))
          }
        }
      }
      const { ids } = yield* read(new Uint8Array(zlib.brotliCompressSync(first)), [5], "customers.csv.BR")
      assert.deepStrictEqual(ids, idsOf(300))
    })
  )

  it.effect("that is cut off gives its records before that, and then says where it ends", () =>
    Effect.gen(function* () {
      const plain = bytesOf(csvOf(8000))
      for (const compression of ["gzip", "zstd", "brotli"] as const) {
        const archive = new Uint8Array(compress[compression](plain))
        for (const length of [archive.length - 1, Math.floor(archive.length / 2), 5]) {
          const { failure, ids } = yield* read(archive.slice(0, length), [], "a.csv.br")
          assert.strictEqual(failure?._tag, "BrokenArchive")
          if (failure?._tag !== "BrokenArchive") continue
          assert.deepStrictEqual([failure.reason, failure.byte], ["Cut", length])
          assert.match(
            failure.message,
            new RegExp(`^a.csv.br is cut off: its ${compression} data goes on behind byte ${length},`)
          )
          // A record that is cut too is none; zstd gives whole blocks of 128 KiB.
          assert.deepStrictEqual(ids, idsOf(ids.length))
          const left = plain.subarray(0, failure.plainBytes).filter((byte) => byte === 0x0a).length
          assert.strictEqual(ids.length, Math.max(0, left - 1))
          if (length > 5) assert.isAbove(ids.length, 2000)
        }
      }
    })
  )

  it.effect("that is damaged gives what stands well before the damage, and says where that is", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "customers.csv")
      const plain = bytesOf(csvOf(20_000))
      for (const compression of ["gzip", "zstd"] as const) {
        const damaged = new Uint8Array(compress[compression](plain))
        const at = Math.floor(damaged.length / 2)
        damaged.fill(0xa5, at, at + 64)
        yield* fs.writeFile(path, damaged)
        const ids: Array<string> = []
        const error = yield* CustomerFile.read(path, ReachSchema.CustomerPatch).pipe(
          Stream.runForEach((record) => Effect.sync(() => ids.push(idOf(record)))),
          Effect.flip
        )
        assert.strictEqual(error._tag, "BrokenArchive")
        if (error._tag !== "BrokenArchive") continue
        assert.strictEqual(error.reason, "Corrupt")
        assert.deepStrictEqual(ids.slice(0, 2000), idsOf(2000))
        // What was damaged so that it can still be unpacked is found at the sum behind it.
        assert.isAtLeast(error.byte + 64 * 1024, at)
      }
      const member = new Uint8Array(zlib.gzipSync(plain))
      const { failure, ids } = yield* read(concat(member, bytesOf("no archive")), [member.length])
      assert.deepStrictEqual(ids, idsOf(20_000))
      assert.isTrue(failure?._tag === "BrokenArchive" && failure.reason === "Corrupt" && failure.byte === member.length)
    }).pipe(Effect.scoped, Effect.provide([NodeDecompression.layer, NodeServices.layer]))
  )

  it.effect("is refused by its kind where nothing decompresses it, or nothing ever does", () =>
    Effect.gen(function* () {
      const refused = (bytes: Uint8Array, source = "a.csv") =>
        CustomerFile.csv(inBlocks(bytes, [1]), ReachSchema.CustomerPatch, { source }).pipe(Stream.runDrain, Effect.flip)
      const gzip = new Uint8Array(zlib.gzipSync("customerId\n"))
      assert.strictEqual(
        (yield* refused(gzip)).message,
        "a.csv is compressed with gzip, and nothing was provided to decompress it. Provide NodeDecompression.layer of effect-patchbay/node, or decompress it first."
      )
      for (const [kind, bytes] of [
        ["zip", [0x50, 0x4b, 3, 4, 20, 0]],
        ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
        ["bzip2", [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
        ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]]
      ] as const) {
        const error = yield* refused(Uint8Array.from(bytes)).pipe(Effect.provide(NodeDecompression.layer))
        assert.isTrue(error._tag === "UnsupportedCompression" && error.reason === "Unknown")
        assert.match(error.message, new RegExp(`^a.csv is compressed with ${kind}, which is not read\\.`))
      }
      const twice = yield* refused(new Uint8Array(zlib.gzipSync(gzip))).pipe(Effect.provide(NodeDecompression.layer))
      assert.isTrue(twice._tag === "UnsupportedCompression" && twice.reason === "Nested")
    })
  )

  it.effect("goes on from a position without reading the records before it again, and refuses one beyond its end", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "customers.csv.gz")
      yield* fs.writeFile(path, new Uint8Array(zlib.gzipSync(csvOf(40_000))))
      const source = CustomerFile.read(path, ReachSchema.CustomerPatch)
      const size = Number((yield* fs.stat(path)).size)
      const counted = RecordCount.watch(source, { size })
      const positions = new Map<number, SourcePosition>()
      let estimates: ReadonlyArray<number> = []
      const all = yield* counted.records.pipe(
        Stream.tap(({ position }) =>
          Effect.sync(() => {
            if (position === undefined || positions.has(position.offset)) return
            positions.set(position.offset, position)
            estimates = [...estimates, counted.total() ?? 0]
          })
        ),
        Stream.runCollect
      )
      assert.lengthOf(all, 40_000)
      assert.strictEqual(counted.total(), 40_000)
      // By the compressed bytes, known once the first piece is through.
      for (const estimate of estimates.slice(2)) assert.closeTo(estimate, 40_000, 8000)
      assert.isAbove(positions.size, 4)
      const places = [...positions.values()]
      for (const position of [places[1], places[places.length >> 1], places.at(-1)]) {
        assert.isDefined(position)
        const rest = yield* Stream.runCollect(source.from(position))
        assert.deepStrictEqual(withoutPosition(rest), withoutPosition(all.slice(position?.offset)))
        // What is copied from bytes to bytes goes on there too.
        const encoded = source.encoded?.(Encode.encoder(BatchPolicy.make(), ReachDestination.batchPatch()))
        assert.isDefined(encoded)
        const copied = yield* Encoding.collect(encoded(position))
        assert.isUndefined(copied.failure)
        assert.deepStrictEqual(
          copied.records.map((record) => ("key" in record ? record.key : undefined)),
          rest.map((record) => (record._tag === "Valid" ? record.patch.customerId : undefined))
        )
      }
      const beyond = yield* Stream.runCollect(source.from({ offset: 9, place: { byte: 10_000_000, line: 9 } })).pipe(
        Effect.flip
      )
      assert.strictEqual(beyond._tag, "PositionBeyondEnd")
    }).pipe(Effect.scoped, Effect.provide([NodeDecompression.layer, NodeServices.layer]))
  )
})

describe("what a file is compressed with and encoded in", () => {
  const text = oneOf([
    "Ada",
    "Zoë",
    "李娜",
    "😀",
    "",
    '"a, b"',
    '"a\nb"',
    "x".repeat(300),
    '"q""q"',
    "\uFFFD",
    "\u00A0"
  ])
  const records = Arbitrary.array(Arbitrary.all({ id: oneOf(["1", "é", "𝄞", "30"]), name: text }), { maxLength: 20 })
  const isMore = /[^\n -~\u00a0-\u00ff]/

  const utf16 = (content: string, isBig: boolean): Uint8Array => {
    const bytes = Buffer.from(content, "utf16le")
    return new Uint8Array(isBig ? bytes.swap16() : bytes)
  }

  const encodings = {
    "utf-8": (content: string) => bytesOf(content),
    "utf-8 with a mark": (content: string) => bytesOf(`\uFEFF${content}`),
    "utf-16le with a mark": (content: string) => utf16(`\uFEFF${content}`, false),
    "utf-16be with a mark": (content: string) => utf16(`\uFEFF${content}`, true),
    "utf-16le": (content: string) => utf16(content, false),
    "utf-16be": (content: string) => utf16(content, true),
    latin1: (content: string) => new Uint8Array(Buffer.from(content, "latin1"))
  } as const

  it.effect.prop(
    "changes nothing of what is read from it, however its bytes come",
    [
      records,
      oneOf(["csv", "ndjson"]),
      oneOf([
        "utf-8",
        "utf-8 with a mark",
        "utf-16le with a mark",
        "utf-16be with a mark",
        "utf-16le",
        "utf-16be",
        "latin1"
      ]),
      oneOf([undefined, "gzip", "zstd", "brotli"]),
      oneOf([1, 2, 3]),
      sizes
    ],
    ([rows, format, encoding, compression, parts, sizes]) =>
      Effect.gen(function* () {
        const content =
          format === "csv"
            ? `customerId,firstName\n${rows.map(({ id, name }) => `${id},${name}\n`).join("")}`
            : rows.map(({ id, name }) => `${JSON.stringify({ customerId: id, firstName: name })}\n`).join("")
        if (encoding === "latin1" && isMore.test(content)) return
        const bytes = encodings[encoding](content)
        const cut = Math.ceil(bytes.length / parts) || 1
        const archive =
          compression === undefined
            ? bytes
            : concat(
                ...Array.from({ length: Math.max(1, Math.ceil(bytes.length / cut)) }, (_, part) =>
                  compress[compression](bytes.subarray(part * cut, (part + 1) * cut))
                )
              )
        const read = CustomerFile[format]
        const options = {
          source: compression === "brotli" ? "a.br" : "a",
          encoding: encoding.endsWith("mark") ? undefined : encoding
        }
        const found = yield* read(inBlocks(archive, sizes), ReachSchema.CustomerPatch, options).pipe(Stream.runCollect)
        const expected = yield* read(Stream.make(bytesOf(content)), ReachSchema.CustomerPatch).pipe(Stream.runCollect)
        assert.deepStrictEqual(withoutPosition(found), withoutPosition(expected))
      }).pipe(Effect.provide(NodeDecompression.layer)),
    { arbitrary: { runs: 250, size: 40 } }
  )
})
