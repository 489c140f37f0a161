import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, PlatformError, Scope, Stream } from "effect"
import * as DeadLetters from "../../../src/sync/books/DeadLetters.ts"

const letter = (offset: number, more?: Partial<DeadLetters.DeadLetter>): DeadLetters.DeadLetter => ({
  offset,
  line: offset + 2,
  key: `c-${offset}`,
  outcome: "Rejected",
  reason: { tag: "BadRequest", message: "email is not valid", issues: [{ path: ["email"], message: "Expected text" }] },
  batch: 3,
  time: "2026-05-01T10:00:00.000Z",
  record: { format: "json", value: { customerId: `c-${offset}`, firstName: 'Zoë "Ж"\u2028\n' } },
  ...more
})

const path = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.map(fs.makeTempDirectoryScoped(), (dir) => `${dir}/dead.ndjson`)
)

const write = (
  letters: DeadLetters.DeadLetters<FileSystem.FileSystem>,
  batch: ReadonlyArray<DeadLetters.DeadLetter>,
  options?: DeadLetters.OpenOptions
) => Effect.scoped(Effect.flatMap(letters.open(options), (opened) => opened.write(batch)))

const read = (file: string) => Stream.runCollect(DeadLetters.read(file))

const offsets = (file: string) => Effect.map(read(file), (letters) => letters.map(({ offset }) => offset))

describe("DeadLetters.file", () => {
  it.effect("what is written is read back as it was, and more is added to it", () =>
    Effect.gen(function* () {
      const file = yield* path
      const letters = [letter(1), letter(2, { outcome: "Unknown", answer: "<html>" })]
      yield* write(DeadLetters.file(file), letters)
      const { batch: _, key: __, line: ___, ...bare } = letter(3, { record: { format: "ndjson", value: '{"a"' } })
      yield* write(DeadLetters.file(file), [bare])
      assert.deepStrictEqual(yield* read(file), [...letters, bare])
      const fs = yield* FileSystem.FileSystem
      assert.lengthOf((yield* fs.readFileString(file)).split("\n"), 4)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is readable by its owner only, and there only when there is something to write", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* path
      yield* write(DeadLetters.file(file), [])
      assert.isFalse(yield* fs.exists(file))
      yield* write(DeadLetters.file(file), [letter(1)])
      assert.strictEqual((yield* fs.stat(file)).mode & 0o777, 0o600)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("letters that are written at the same time keep to their own lines", () =>
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      const file = yield* path
      // Systems may write less than they are given.
      const inParts: FileSystem.FileSystem = {
        ...real,
        open: (path, options) =>
          Effect.map(real.open(path, options), (file) =>
            Object.defineProperty(Object.create(file), "writeAll", {
              value: (bytes: Uint8Array) =>
                Effect.andThen(file.writeAll(bytes.subarray(0, 50)), file.writeAll(bytes.subarray(50)))
            })
          )
      }
      const opened = yield* DeadLetters.file(file).open().pipe(Effect.provideService(FileSystem.FileSystem, inParts))
      const text = "x".repeat(100_000)
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, offset) => letter(offset, { record: { format: "ndjson", value: text } })),
        (one) => opened.write([one]),
        { concurrency: "unbounded" }
      )
      assert.sameMembers(
        yield* offsets(file),
        Array.from({ length: 20 }, (_, offset) => offset)
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("after a stop, no letter is written twice and none is missing", () =>
    Effect.gen(function* () {
      const file = yield* path
      yield* write(DeadLetters.file(file), [letter(3), letter(10), letter(12)])
      const opened = yield* DeadLetters.file(file).open({ resumedFrom: 10 })
      yield* opened.write([letter(10), letter(11)])
      yield* opened.write([letter(12)])
      yield* opened.write([letter(13)])
      assert.deepStrictEqual(yield* offsets(file), [3, 10, 12, 11, 13])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("letters of other runs in the same file keep none of this run out", () =>
    Effect.gen(function* () {
      const file = yield* path
      const startedAt = Date.parse("2026-05-02T00:00:00Z")
      const time = "2026-05-02T00:00:01.000Z"
      yield* write(DeadLetters.file(file), [letter(10), letter(11)])
      // A run that starts afresh.
      yield* write(DeadLetters.file(file), [letter(10, { time })])
      // It goes on.
      yield* write(DeadLetters.file(file), [letter(10, { time }), letter(11, { time })], { resumedFrom: 5, startedAt })
      assert.deepStrictEqual(yield* offsets(file), [10, 11, 10, 11])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("wherever a crash cut the last letter, the file stays whole and the letter can be written again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* path
      yield* write(DeadLetters.file(file), [letter(1), letter(2)])
      const bytes = yield* fs.readFile(file)
      const first = bytes.indexOf(10) + 1
      for (let end = 0; end <= bytes.length; end++) {
        // Every place where something begins or ends, and some in between.
        if (end % 13 > 0 && Math.min(end, Math.abs(end - first), bytes.length - end) > 12) continue
        yield* fs.writeFile(file, bytes.subarray(0, end))
        // A letter without its line break is whole.
        const whole = [...(end >= first - 1 ? [1] : []), ...(end >= bytes.length - 1 ? [2] : [])]
        assert.deepStrictEqual(yield* offsets(file), whole, `read at ${end}`)
        yield* write(DeadLetters.file(file), [letter(1), letter(2), letter(3)], { resumedFrom: 0 })
        assert.deepStrictEqual(yield* offsets(file), [1, 2, 3], `written at ${end}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a cut letter that is larger than a block is taken off whole, and no byte more", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* path
      const large = (offset: number) => letter(offset, { record: { format: "ndjson", value: "Ж".repeat(100_000) } })
      yield* write(DeadLetters.file(file), [large(1), large(2)])
      const { size } = yield* fs.stat(file)
      yield* fs.truncate(file, Number(size) - 5)
      yield* write(DeadLetters.file(file), [letter(4)])
      assert.deepStrictEqual(yield* read(file), [large(1), letter(4)])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file that holds something else is refused and left alone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* path
      for (const content of ["customerId,email\nc-1,a@example.com", '{"customerId":"c-1"}', `{"offset":1}\nhalf`]) {
        yield* fs.writeFileString(file, content)
        const error = yield* Effect.flip(write(DeadLetters.file(file), [letter(1)]))
        assert.strictEqual(error.reason, "Foreign")
        assert.include(error.message, "it holds something else. Name another file.")
        assert.strictEqual(yield* fs.readFileString(file), content)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a write that fails half-way leaves no half line, and the error says why", () =>
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      const file = yield* path
      let full = false
      const error = PlatformError.systemError({
        _tag: "Unknown",
        module: "FileSystem",
        method: "writeAll",
        cause: Object.assign(new Error("No space"), { code: "ENOSPC" })
      })
      const fs: FileSystem.FileSystem = {
        ...real,
        open: (path, options) =>
          Effect.map(real.open(path, options), (file) =>
            Object.defineProperty(Object.create(file), "writeAll", {
              value: (bytes: Uint8Array) =>
                full ? Effect.andThen(file.writeAll(bytes.subarray(0, 40)), Effect.fail(error)) : file.writeAll(bytes)
            })
          )
      }
      const opened = yield* DeadLetters.file(file).open().pipe(Effect.provideService(FileSystem.FileSystem, fs))
      yield* opened.write([letter(1)])
      full = true
      const failure = yield* Effect.flip(opened.write([letter(2)]))
      assert.strictEqual(failure.reason, "ENOSPC")
      full = false
      yield* opened.write([letter(3)])
      assert.deepStrictEqual(yield* offsets(file), [1, 3])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a folder that is not there is an error with the platform's reason", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(write(DeadLetters.file(`${yield* path}/no/dead.ndjson`), [letter(1)]))
      assert.strictEqual(error.reason, "NotFound")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("DeadLetters.read", () => {
  it.effect("a line that is no letter is named, without its content, after all letters before it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* path
      for (const [line, reason, message] of [
        ['{"offset":"secret"}', "SchemaMismatch", "Line 3 of"],
        ["secret", "Malformed", "it is not JSON"]
      ] as const) {
        yield* fs.remove(file, { force: true })
        yield* write(DeadLetters.file(file), [letter(1)])
        yield* fs.writeFileString(file, `\n${line}\n`, { flag: "a" })
        yield* fs.writeFileString(file, `${JSON.stringify(letter(2))}\n`, { flag: "a" })
        const seen: Array<number> = []
        const error = yield* DeadLetters.read(file).pipe(
          Stream.runForEach(({ offset }) => Effect.sync(() => seen.push(offset))),
          Effect.flip
        )
        assert.deepStrictEqual(seen, [1])
        assert.deepInclude(error, { reason, line: 3 })
        assert.include(error.message, message)
        assert.notInclude(JSON.stringify(error) + error.message, "secret")
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file that is not there is an error with the platform's reason", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(yield* path))
      assert.deepInclude(error, { reason: "NotFound", line: undefined })
      assert.include(error.message, "cannot be read (NotFound)")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("letters as values", () => {
  it.effect("memory keeps them, and each letter of a resumed run once", () =>
    Effect.gen(function* () {
      const letters = DeadLetters.memory()
      yield* write(letters, [letter(3), letter(10)])
      yield* write(letters, [letter(10), letter(11)], { resumedFrom: 4 })
      assert.deepStrictEqual(letters.letters, [letter(3), letter(10), letter(11)])
      yield* write(letters, [letter(10)])
      assert.lengthOf(letters.letters, 4)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a sink gets them as they come, with what it needs, and its failure is the write's", () =>
    Effect.gen(function* () {
      const got: Array<number> = []
      const fails = new DeadLetters.DeadLettersUnwritable({ destination: "queue", reason: "Full" })
      const letters = DeadLetters.sink((batch) =>
        Effect.gen(function* () {
          yield* FileSystem.FileSystem
          if (got.length > 1) return yield* fails
          got.push(...batch.map(({ offset }) => offset))
        })
      )
      const opened = yield* Effect.provide(
        Effect.flatMap(Effect.scope, (scope) => Scope.provide(letters.open(), scope)),
        NodeServices.layer
      )
      yield* opened.write([])
      yield* opened.write([letter(1), letter(2)])
      assert.deepStrictEqual(got, [1, 2])
      assert.strictEqual(yield* Effect.flip(opened.write([letter(3)])), fails)
    })
  )
})
