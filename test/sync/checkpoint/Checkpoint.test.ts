import { spawn } from "node:child_process"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Option, PlatformError, Scope } from "effect"
import { KeyValueStore } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as Checkpoint from "../../../src/sync/checkpoint/Checkpoint.ts"
import * as CheckpointFile from "../../../src/sync/checkpoint/CheckpointFile.ts"
import * as CheckpointKeyValue from "../../../src/sync/checkpoint/CheckpointKeyValue.ts"
import * as CheckpointStore from "../../../src/sync/checkpoint/CheckpointStore.ts"
import * as ProcessIdentity from "../../../src/sync/checkpoint/ProcessIdentity.ts"
import * as CheckpointChild from "../../support/CheckpointChild.ts"
import { fingerprint, state } from "../../support/CheckpointStates.ts"
import * as FileSystemSteps from "../../support/FileSystemSteps.ts"

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const both = Layer.merge(KeyValueStore.layerMemory, NodeServices.layer)

type Stored = Checkpoint.StoredCheckpoint<FileSystem.FileSystem | KeyValueStore.KeyValueStore, Checkpoint.Takeover>

const stored = (opened: { readonly state: Option.Option<Checkpoint.State> }) => Option.getOrUndefined(opened.state)

const quick = { beat: 20, patience: 150, contention: 100 }

// A claim as another process leaves it.
const claim = (holder: object) =>
  `${JSON.stringify({ since: "2026-01-01T00:00:00.000Z", order: "0", instance: "another", ...holder })}\n`

const lockOf = (dir: string, token = "00000000-0000-4000-8000-000000000000") => `${dir}/lock-${token}`

for (const [name, make] of [
  ["Checkpoint.file", Effect.map(folder, (dir) => Checkpoint.file(`${dir}/a/b`))],
  ["Checkpoint.keyValueStore", Effect.succeed(Checkpoint.keyValueStore("acme"))]
] as const) {
  describe(name, () => {
    it.effect("gives the next run what was written last, and nothing at first", () =>
      Effect.gen(function* () {
        const checkpoint: Stored = yield* make
        yield* Effect.scoped(
          Effect.gen(function* () {
            const first = yield* checkpoint.open(fingerprint)
            assert.isUndefined(stored(first))
            yield* first.write(state(1))
            yield* first.write(state(2))
          })
        )
        const second = yield* checkpoint.open(fingerprint)
        assert.deepStrictEqual(stored(second), state(2))
      }).pipe(Effect.provide(both))
    )

    it.effect("can be read while a run has it, and reset only when none has", () =>
      Effect.gen(function* () {
        const checkpoint: Stored = yield* make
        assert.isTrue(Option.isNone(yield* checkpoint.read))
        assert.isFalse(yield* checkpoint.reset)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { write } = yield* checkpoint.open(fingerprint)
            assert.isTrue(Option.isNone(yield* checkpoint.read))
            yield* write(state(4))
            assert.deepStrictEqual(Option.getOrUndefined(yield* checkpoint.read), state(4))
            assert.strictEqual((yield* Effect.flip(checkpoint.reset))._tag, "CheckpointInUse")
          })
        )
        assert.isTrue(yield* checkpoint.reset)
        assert.isFalse(yield* checkpoint.reset)
        assert.isTrue(Option.isNone(yield* checkpoint.read))
        assert.isUndefined(stored(yield* checkpoint.open({ source: "others.csv" })))
      }).pipe(Effect.provide(both))
    )

    it.effect("refuses another run's state, names what differs, and lets go at once", () =>
      Effect.gen(function* () {
        const checkpoint: Stored = yield* make
        yield* Effect.scoped(Effect.flatMap(checkpoint.open(fingerprint), ({ write }) => write(state(1))))
        const error = yield* Effect.flip(checkpoint.open({ ...fingerprint, source: "others.csv", window: "7" }))
        assert(error._tag === "CheckpointMismatch")
        assert.deepStrictEqual(error.differences, [
          { part: "source", was: "customers.csv", is: "others.csv" },
          { part: "window", was: undefined, is: "7" }
        ])
        assert.include(error.message, 'source was "customers.csv" and is "others.csv"; window was not there and is "7"')
        assert.deepStrictEqual(stored(yield* checkpoint.open(fingerprint)), state(1))
      }).pipe(Effect.provide(both))
    )

    it.effect("refuses a second run at the same time, and says who has it", () =>
      Effect.gen(function* () {
        const checkpoint: Stored = yield* make
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(checkpoint.open(fingerprint), scope)
        const error = yield* Effect.flip(checkpoint.open(fingerprint))
        assert(error._tag === "CheckpointInUse")
        assert.strictEqual(error.pid, process.pid)
        assert.match(error.message, new RegExp(`is in use by process ${process.pid} on .+ since 20.+Z\\.`))
        yield* first.write(state(3))
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(stored(yield* checkpoint.open(fingerprint)), state(3))
      }).pipe(Effect.provide(both))
    )

    it.live("of many runs that start together, exactly one gets it", () =>
      Effect.gen(function* () {
        const checkpoint: Stored = yield* make
        for (let round = 0; round < 5; round++) {
          const scope = yield* Scope.make()
          const tags = yield* Effect.forEach(
            Array.from({ length: 8 }),
            () =>
              checkpoint
                .open(fingerprint)
                .pipe(Scope.provide(scope), Effect.match({ onSuccess: () => "opened", onFailure: ({ _tag }) => _tag })),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(tags.sort(), [...Array.from({ length: 7 }, () => "CheckpointInUse"), "opened"])
          yield* Scope.close(scope, Exit.void)
        }
      }).pipe(Effect.provide(both))
    )
  })
}

describe("a checkpoint in a folder", () => {
  it.effect("is readable by its owner only", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = `${yield* folder}/new/acme`
      const { write } = yield* Checkpoint.file(dir).open(fingerprint)
      yield* write(state(1))
      const mode = (path: string) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8))
      assert.strictEqual(yield* mode(`${dir}/..`), "700")
      assert.strictEqual(yield* mode(dir), "700")
      const names = yield* fs.readDirectory(dir)
      assert.lengthOf(names, 2)
      for (const name of names) assert.strictEqual(yield* mode(`${dir}/${name}`), "600", name)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("leaves nothing but the state when the run has ended, and sweeps up after a run that was killed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const left = `${dir}/checkpoint-00000000-0000-4000-8000-000000000000-17.tmp`
      yield* fs.writeFileString(left, "half")
      yield* fs.writeFileString(`${dir}/notes.txt`, "the caller's own")
      yield* Effect.scoped(Effect.flatMap(Checkpoint.file(dir).open(fingerprint), ({ write }) => write(state(1))))
      assert.deepStrictEqual((yield* fs.readDirectory(dir)).sort(), ["checkpoint.ndjson", "notes.txt"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file that is empty, torn, of something else or of a newer version is refused and left alone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const path = `${dir}/checkpoint.ndjson`
      yield* Effect.scoped(Effect.flatMap(Checkpoint.file(dir).open(fingerprint), ({ write }) => write(state(1))))
      const text = yield* fs.readFileString(path)
      for (const [reason, content] of [
        ["Empty", ""],
        ["Torn", text.slice(0, 200)],
        ["Torn", text.replace("customers.csv", "customers.tsv")],
        ["Foreign", "not ours"],
        ["NewerVersion", text.replace('"version":1', '"version":9')]
      ] as const) {
        yield* fs.writeFileString(path, content)
        const error = yield* Effect.flip(Checkpoint.file(dir).open(fingerprint))
        assert(error._tag === "CheckpointUnreadable")
        assert.strictEqual(error.reason, reason)
        assert.include(error.message, "reset it to start afresh")
        assert.strictEqual((yield* Effect.flip(Checkpoint.file(dir).read))._tag, "CheckpointUnreadable")
        assert.strictEqual(yield* fs.readFileString(path), content)
      }
      assert.isTrue(yield* Checkpoint.file(dir).reset)
      assert.isUndefined(stored(yield* Checkpoint.file(dir).open(fingerprint)))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is not made by looking at it or resetting it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = `${yield* folder}/acme`
      assert.isTrue(Option.isNone(yield* Checkpoint.file(dir).read))
      assert.isFalse(yield* Checkpoint.file(dir).reset)
      assert.isFalse(yield* fs.exists(dir))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a path that is a file cannot be written, and the error says why", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(`${dir}/file`, "")
      for (const path of [`${dir}/file`, `${dir}/file/acme`]) {
        const error = yield* Effect.flip(Checkpoint.file(path).open(fingerprint))
        assert(error._tag === "CheckpointUnwritable", error._tag)
        assert.strictEqual(error.reason, "BadResource")
        assert.include(error.message, `${path} cannot be written (BadResource)`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a write that fails at any step, or is cut off there, leaves the old state or the new one", () =>
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      const seen = new Set<string>()
      // The first write of a run begins a file, the next ones add to it.
      for (const [fate, which] of [
        ["fails", "first"],
        ["fails", "next"],
        ["hangs", "first"],
        ["hangs", "next"]
      ] as const) {
        for (let step = 0; ; step++) {
          const dir = `${yield* folder}/acme`
          yield* Effect.scoped(Effect.flatMap(Checkpoint.file(dir).open(fingerprint), ({ write }) => write(state(1))))
          const cut = cutAt(real, step, fate)
          const written = yield* Effect.scoped(
            Effect.gen(function* () {
              const { write } = yield* Checkpoint.file(dir).open(fingerprint)
              if (which === "next") yield* write(state(1))
              cut.arm()
              const writing = yield* Effect.forkChild(Effect.exit(write(state(2))))
              const exit = yield* Effect.race(
                Effect.asSome(Fiber.join(writing)),
                Effect.as(cut.reached, Option.none<Exit.Exit<void, Checkpoint.WriteError>>())
              )
              const left = yield* Checkpoint.file(dir).read.pipe(Effect.provideService(FileSystem.FileSystem, real))
              const n = Option.getOrUndefined(left)?.counts.read
              assert.include([1, 2], n)
              assert.deepStrictEqual(Option.getOrUndefined(left), state(n ?? 0))
              cut.release()
              if (Option.isNone(exit)) {
                yield* Fiber.await(writing)
                return "cut"
              }
              if (Exit.isSuccess(exit.value)) {
                assert.strictEqual(n, 2)
                return "written"
              }
              const error = Option.getOrUndefined(Exit.findErrorOption(exit.value))
              assert.strictEqual(error?._tag, "CheckpointUnwritable")
              if (error?._tag === "CheckpointUnwritable") assert.strictEqual(error.reason, "ENOSPC")
              // The next write is not spoilt by the one that failed.
              yield* write(state(3))
              return "failed"
            })
          ).pipe(Effect.provideService(FileSystem.FileSystem, cut.fs))
          seen.add(`${which}: ${step} ${cut.at()}`)
          if (written === "failed") {
            assert.deepStrictEqual(Option.getOrUndefined(yield* Checkpoint.file(dir).read), state(3))
            assert.deepStrictEqual(yield* real.readDirectory(dir), ["checkpoint.ndjson"])
          }
          if (written === "written" && cut.at() === undefined) break
        }
      }
      assert.includeMembers(
        [...seen],
        ["0 open", "1 writeAll", "2 sync", "3 exists", "4 rename", "5 sync"].map((step) => `first: ${step}`)
      )
      assert.includeMembers(
        [...seen],
        ["0 writeAll", "1 sync", "2 exists", "3 exists"].map((step) => `next: ${step}`)
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "a process that is killed at any moment leaves a state that was written, none older than it called safe",
    () =>
      Effect.gen(function* () {
        // Each kill hits all of them, each somewhere else in its write.
        const dirs = yield* Effect.replicateEffect(folder, 12)
        let last = dirs.map(() => 0)
        for (let round = 0; round < 3; round++) {
          const child = yield* CheckpointChild.start("write", dirs)
          yield* child.until(dirs.length * (3 + round))
          yield* Effect.sleep(Math.random() * 10)
          yield* child.kill("SIGKILL")
          last = yield* Effect.forEach(dirs, (dir, place) =>
            Effect.gen(function* () {
              const said = child.said.filter((line) => line.startsWith(`${place} `))
              // It took over from the one that was killed before, and went on from its state.
              assert.strictEqual(said[0], `${place} open ${last[place]}`)
              const safe = Number(said.at(-1)?.split(" ").at(-1))
              const left = Option.getOrThrow(yield* Checkpoint.file(dir).read)
              assert.deepStrictEqual(left, state(left.counts.read, 64))
              assert.include([safe, safe + 1], left.counts.read)
              return left.counts.read
            })
          )
        }
      }).pipe(Effect.provide(NodeServices.layer))
  )
})

// A file system that breaks at one step, half-way where the step has halves.
const cutAt = (real: FileSystem.FileSystem, cut: number, fate: "fails" | "hangs") => {
  let steps = -1
  let reachedStep: string | undefined
  const reached = Deferred.makeUnsafe<void>()
  const released = Deferred.makeUnsafe<void>()
  const full = PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method: "test",
    cause: Object.assign(new Error("No space"), { code: "ENOSPC" })
  })
  const step: FileSystemSteps.Step = (name, whole, half = Effect.void) =>
    Effect.suspend(() => {
      if (steps < 0 || steps++ !== cut) return whole
      reachedStep = name
      if (fate === "fails") return Effect.andThen(half, Effect.fail(full))
      return Effect.andThen(
        half,
        Effect.andThen(
          Deferred.succeed(reached, undefined),
          Effect.andThen(Deferred.await(released), Effect.fail(full))
        )
      )
    })
  return {
    fs: FileSystemSteps.make(real, step),
    arm: () => {
      steps = 0
    },
    at: () => reachedStep,
    reached: Deferred.await(reached),
    release: () => Deferred.doneUnsafe(released, Effect.void)
  }
}

describe("a checkpoint that somebody has", () => {
  it.live("a run whose process was killed is replaced at once; one that is only stopped is not", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      const child = yield* CheckpointChild.start("hold", [dir])
      yield* child.until(1)
      const error = yield* Effect.flip(Checkpoint.file(dir).open(fingerprint))
      assert(error._tag === "CheckpointInUse")
      assert.strictEqual(error.pid, child.pid)
      process.kill(child.pid, "SIGSTOP")
      assert.strictEqual((yield* Effect.flip(Checkpoint.file(dir).open(fingerprint)))._tag, "CheckpointInUse")
      yield* child.kill("SIGKILL")
      const started = performance.now()
      yield* Checkpoint.file(dir).open(fingerprint)
      // Else after 15 seconds.
      assert.isBelow(performance.now() - started, 5000)
      const fs = yield* FileSystem.FileSystem
      assert.lengthOf(yield* fs.readDirectory(dir), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("of many runs that want to take over from a dead one together, exactly one does", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (let round = 0; round < 5; round++) {
        const dir = yield* folder
        yield* fs.writeFileString(lockOf(dir), claim({ host: yield* hostname, pid: yield* deadPid }))
        const tags = yield* Effect.forEach(
          Array.from({ length: 8 }),
          () =>
            Checkpoint.file(dir)
              .open(fingerprint)
              .pipe(Effect.match({ onSuccess: () => "opened", onFailure: ({ _tag }) => _tag })),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(tags.sort(), [...Array.from({ length: 7 }, () => "CheckpointInUse"), "opened"])
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("of processes that want to take over from a dead one together, exactly one does", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(lockOf(dir), claim({ host: yield* hostname, pid: yield* deadPid }))
      const children = yield* Effect.replicateEffect(CheckpointChild.start("hold", [dir]), 3)
      yield* Effect.forEach(children, ({ until }) => until(1))
      assert.deepStrictEqual(children.map(({ said }) => said[0]).sort(), [
        "0 failed CheckpointInUse",
        "0 failed CheckpointInUse",
        "0 open 0"
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a pid that was given out again does not keep the next run out", () =>
    Effect.gen(function* () {
      const me = yield* ProcessIdentity.self
      if (me.started === undefined) return
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      // This very pid, as it comes again in a container that was restarted.
      yield* fs.writeFileString(lockOf(dir), claim({ ...me, instance: "another", started: "1" }))
      yield* Checkpoint.file(dir).open(fingerprint)
      const other = yield* folder
      yield* fs.writeFileString(lockOf(other), claim({ ...me, instance: "another" }))
      assert.strictEqual((yield* Effect.flip(Checkpoint.file(other).open(fingerprint)))._tag, "CheckpointInUse")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a run whose clock is ahead keeps what it has", () =>
    Effect.gen(function* () {
      const me = yield* ProcessIdentity.self
      if (me.started === undefined) return
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(lockOf(dir), claim({ ...me, instance: "another", order: "9" }))
      const error = yield* Effect.flip(CheckpointStore.open(CheckpointFile.make(fs, dir), fingerprint, quick))
      assert.strictEqual(error._tag, "CheckpointInUse")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const [who, holder] of [
    ["on another machine", claim({ host: "elsewhere", pid: 1, boot: "b", namespace: "n", started: "1" })],
    ["whose claim a power cut left empty", ""]
  ] as const) {
    it.live(`a run ${who} is taken over only when it gave no sign of life for long`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dir = yield* folder
        yield* fs.writeFileString(lockOf(dir), holder)
        const store = CheckpointFile.make(fs, dir)
        const living = yield* Effect.forkChild(
          Effect.forever(Effect.delay(store.claims.beat("00000000-0000-4000-8000-000000000000"), 30))
        )
        assert.strictEqual(
          (yield* Effect.flip(CheckpointStore.open(store, fingerprint, quick)))._tag,
          "CheckpointInUse"
        )
        yield* Fiber.interrupt(living)
        const started = performance.now()
        yield* CheckpointStore.open(store, fingerprint, quick)
        assert.isAtLeast(performance.now() - started, quick.patience)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.live("a run in a store that gives signs of life is left alone, and taken over when these end", () =>
    Effect.gen(function* () {
      const kv = yield* KeyValueStore.KeyValueStore
      const store = CheckpointKeyValue.make(kv, "acme")
      const key = "acme.lock-another"
      yield* kv.set(key, claim({ host: "elsewhere", pid: 1 }))
      const living = yield* Effect.forkChild(Effect.forever(Effect.delay(store.claims.beat("another"), 30)))
      const error = yield* Effect.flip(CheckpointStore.open(store, fingerprint, quick))
      assert(error._tag === "CheckpointInUse")
      assert.deepInclude(error, { pid: 1, host: "elsewhere", since: "2026-01-01T00:00:00.000Z" })
      yield* Fiber.interrupt(living)
      yield* CheckpointStore.open(store, fingerprint, quick)
      assert.isFalse(yield* kv.has(key))
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )

  it.live("a run that was taken over cannot write any more, nor come back to life", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const store = CheckpointFile.make(fs, dir)
      const first = yield* CheckpointStore.open(store, fingerprint, quick)
      yield* first.write(state(1))
      const [name = ""] = (yield* fs.readDirectory(dir)).filter((name) => name.startsWith("lock-"))
      yield* fs.remove(`${dir}/${name}`)
      yield* fs.writeFileString(lockOf(dir), claim({ host: "elsewhere", pid: 12 }))
      const error = yield* Effect.flip(first.write(state(2)))
      assert(error._tag === "CheckpointTakenOver")
      assert.include(error.message, "was taken over by process 12 on elsewhere")
      yield* Effect.sleep(3 * quick.beat)
      assert.isFalse(yield* fs.exists(`${dir}/${name}`))
      assert.strictEqual((yield* Effect.flip(first.write(state(3))))._tag, "CheckpointTakenOver")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a claim that cannot be removed is not taken over: its run would not learn of it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      yield* fs.writeFileString(lockOf(dir), claim({ host: "elsewhere", pid: 12 }))
      const denied = PlatformError.systemError({ _tag: "PermissionDenied", module: "FileSystem", method: "remove" })
      const kept: FileSystem.FileSystem = {
        ...fs,
        remove: (path, options) => (path === lockOf(dir) ? Effect.fail(denied) : fs.remove(path, options))
      }
      const error = yield* Effect.flip(CheckpointStore.open(CheckpointFile.make(kept, dir), fingerprint, quick))
      assert(error._tag === "CheckpointUnwritable")
      assert.strictEqual(error.reason, "PermissionDenied")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a checkpoint whose file is gone is written anew with the next state", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const { write } = yield* Checkpoint.file(dir).open(fingerprint)
      yield* write(state(1))
      yield* write(state(2))
      yield* fs.remove(`${dir}/checkpoint.ndjson`)
      yield* write(state(3))
      assert.deepStrictEqual(Option.getOrUndefined(yield* Checkpoint.file(dir).read), state(3))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file of many states begins anew before it is large", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const { write } = yield* Checkpoint.file(dir).open(fingerprint)
      let largest = 0
      let last = 0
      let anew = 0
      for (let n = 1; n <= 60; n++) {
        yield* write(state(n, 300))
        const size = Number((yield* fs.stat(`${dir}/checkpoint.ndjson`)).size)
        if (size < last) anew++
        last = size
        largest = Math.max(largest, size)
        assert.deepStrictEqual(Option.getOrUndefined(yield* Checkpoint.file(dir).read), state(n, 300))
      }
      assert.isAtMost(largest, 1 << 20)
      assert.isAtLeast(largest, 1 << 19)
      assert.strictEqual(anew, 2)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("gives signs of life in real time, whatever the clock of a test says", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* folder
      const store = CheckpointFile.make(fs, dir)
      yield* CheckpointStore.open(store, fingerprint, quick)
      const beat = Effect.map(store.claims.list, ([claim]) => claim?.beat)
      const before = yield* beat
      yield* TestClock.withLive(Effect.sleep(5 * quick.beat))
      assert.notStrictEqual(yield* beat, before)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a checkpoint in a store that fails", () => {
  it.effect("says what failed, and nothing of the store's own words", () =>
    Effect.gen(function* () {
      const broken = KeyValueStore.makeStringOnly({
        get: (key) =>
          key.startsWith("acme.state-")
            ? Effect.fail(new KeyValueStore.KeyValueStoreError({ message: "redis://user:secret@db", method: "get" }))
            : Effect.succeed("{}"),
        set: () => Effect.void,
        remove: () => Effect.void,
        clear: Effect.void,
        size: Effect.succeed(0),
        keys: Effect.succeed(["acme.state-1-00000000-0000-4000-8000-000000000000"])
      })
      const opened = CheckpointStore.open(CheckpointKeyValue.make(broken, "acme"), fingerprint)
      // Its list lacks the claim that was just written: such a store cannot hold a lock.
      assert.strictEqual((yield* Effect.flip(opened))._tag, "CheckpointTakenOver")
      const full = {
        ...broken,
        set: () =>
          Effect.fail(new KeyValueStore.KeyValueStoreError({ message: "redis://user:secret@db", method: "set" }))
      }
      const error = yield* Effect.flip(CheckpointStore.open(CheckpointKeyValue.make(full, "acme"), fingerprint))
      assert(error._tag === "CheckpointUnwritable")
      assert.include(error.message, "acme cannot be written (KeyValueStore.set)")
      assert.notInclude(JSON.stringify(error) + error.message, "secret")
      const unread = yield* Effect.flip(CheckpointStore.read(CheckpointKeyValue.make(broken, "acme")))
      assert.include(unread.message, "cannot be read: KeyValueStore.get")
      assert.notInclude(JSON.stringify(unread) + unread.message, "secret")
    })
  )
})

const hostname = Effect.map(ProcessIdentity.self, ({ host }) => host)

const deadPid = Effect.callback<number>((resume) => {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" })
  child.on("close", () => resume(Effect.succeed(child.pid ?? 0)))
})
