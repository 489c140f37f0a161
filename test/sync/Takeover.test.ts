import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Option, Scope, Stream } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import type * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as CustomerSync from "../../src/sync/CustomerSync.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import * as CheckpointFile from "../../src/sync/checkpoint/CheckpointFile.ts"
import * as CheckpointKeyValue from "../../src/sync/checkpoint/CheckpointKeyValue.ts"
import * as CheckpointStore from "../../src/sync/checkpoint/CheckpointStore.ts"
import { fromPatches } from "../../src/sync/model/CustomerRecord.ts"
import * as CheckpointChild from "../support/CheckpointChild.ts"
import { fingerprint, state } from "../support/CheckpointStates.ts"
import * as CrashWorld from "../support/CrashWorld.ts"
import * as FileSystemSteps from "../support/FileSystemSteps.ts"

// Whoever takes over finds out in this many milliseconds that there is no sign of life.
const patient = { beat: 60_000, patience: 40, contention: 100 }
const living = { ...patient, beat: 10 }

// As one whose process nobody can see, so that only its signs of life tell whether it lives.
const elsewhere = `${JSON.stringify({
  since: "2026-01-01T00:00:00.000Z",
  order: "0",
  instance: "another",
  host: "elsewhere",
  pid: 1
})}\n`

/** An operation of a store that waits before it is done, or when it is done and nobody knows it yet. */
interface Pause {
  readonly step: <A, E>(whole: Effect.Effect<A, E>) => Effect.Effect<A, E>
  readonly reached: Effect.Effect<void>
  readonly release: Effect.Effect<unknown>
}

const pauseAt = (at: number, side: "before" | "after"): Pause => {
  const reached = Deferred.makeUnsafe<void>()
  const released = Deferred.makeUnsafe<void>()
  const pause = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(released))
  let steps = 0
  return {
    step: (whole) =>
      Effect.suspend(() => {
        if (steps++ !== at) return whole
        return side === "before" ? Effect.andThen(pause, whole) : Effect.tap(whole, () => pause)
      }),
    reached: Deferred.await(reached),
    release: Deferred.succeed(released, undefined)
  }
}

/** A place for one checkpoint, as a run sees it that is held up, and as all others do. */
interface Place {
  readonly heldUp: (pause: Pause) => CheckpointStore.Store
  readonly store: CheckpointStore.Store
  readonly names: Effect.Effect<ReadonlyArray<string>, unknown>
}

const filePlace: Effect.Effect<Place, unknown, FileSystem.FileSystem | Scope.Scope> = Effect.gen(function* () {
  const real = yield* FileSystem.FileSystem
  const dir = yield* real.makeTempDirectoryScoped()
  return {
    heldUp: ({ step }) => {
      const steps = FileSystemSteps.make(real, (_, whole) => step(whole))
      return CheckpointFile.make(
        { ...steps, writeFileString: (path, _, options) => steps.writeFileString(path, elsewhere, options) },
        dir
      )
    },
    store: CheckpointFile.make(real, dir),
    names: real.readDirectory(dir)
  }
})

const keyValuePlace: Effect.Effect<Place> = Effect.sync(() => {
  const values = new Map<string, string>()
  const make = (step: Pause["step"]) =>
    KeyValueStore.makeStringOnly({
      get: (key) => step(Effect.sync(() => values.get(key))),
      set: (key, value) =>
        step(
          Effect.sync(() => {
            values.set(key, value)
          })
        ),
      remove: (key) =>
        step(
          Effect.sync(() => {
            values.delete(key)
          })
        ),
      clear: Effect.void,
      size: Effect.sync(() => values.size),
      keys: step(Effect.sync(() => [...values.keys()]))
    })
  const store = CheckpointKeyValue.make(
    make((whole) => whole),
    "acme"
  )
  return {
    heldUp: (pause) => {
      const own = CheckpointKeyValue.make(make(pause.step), "acme")
      return { ...own, claims: { ...own.claims, put: (token) => own.claims.put(token, elsewhere) } }
    },
    store,
    names: Effect.sync(() => [...values.keys()])
  }
})

const numberOf = (found: Option.Option<Checkpoint.State>) => Option.getOrThrow(found).counts.read

for (const [name, place] of [
  ["Checkpoint.file", filePlace],
  ["Checkpoint.keyValueStore", keyValuePlace]
] as const) {
  describe(`${name}, of which a run is held up at any operation and taken over meanwhile`, () => {
    for (const [when, side, writesFirst] of [
      ["before the operation, and wakes after the other's first write", "before", true],
      ["before the operation, and wakes before the other's first write", "before", false],
      ["when the operation is done, and wakes after the other's first write", "after", true],
      ["when the operation is done, and wakes before the other's first write", "after", false]
    ] as const) {
      it.live(`keeps the other's state: held up ${when}`, () =>
        Effect.gen(function* () {
          const takenOver = yield* Effect.forEach(
            // A file is begun, added to, and looked for: three writes and an opening are less than these.
            Array.from({ length: 28 }, (_, at) => at),
            (at) => heldUpAt(place, at, side, writesFirst),
            { concurrency: 7 }
          )
          assert.isAtLeast(takenOver.filter((was) => was).length, 20)
        }).pipe(Effect.provide(NodeServices.layer))
      )
    }
  })
}

const heldUpAt = Effect.fnUntraced(function* (
  place: Effect.Effect<Place, unknown, FileSystem.FileSystem | Scope.Scope>,
  at: number,
  side: "before" | "after",
  writesFirst: boolean
) {
  const { heldUp, names, store } = yield* place
  yield* Effect.scoped(
    Effect.flatMap(CheckpointStore.open(store, fingerprint, patient), ({ write }) => write(state(10)))
  )

  const pause = pauseAt(at, side)
  yield* Effect.addFinalizer(() => pause.release)
  let safe = 10
  let isOpen = false
  const first = yield* Effect.forkChild(
    Effect.exit(
      Effect.scoped(
        Effect.gen(function* () {
          const { state: found, write } = yield* CheckpointStore.open(heldUp(pause), fingerprint, patient)
          isOpen = true
          for (let n = numberOf(found) + 1; ; n++) {
            yield* write(state(n))
            safe = n
          }
        })
      )
    )
  )
  yield* Effect.raceFirst(pause.reached, Fiber.await(first))

  const scope = yield* Scope.fork(yield* Effect.scope)
  const second = yield* Scope.provide(CheckpointStore.open(store, fingerprint, living), scope)
  if (writesFirst) yield* second.write({ ...state(500), finished: true })
  const wasOpen = isOpen
  yield* pause.release
  const ended = yield* Fiber.join(first)
  const error = Exit.isFailure(ended) ? Option.getOrUndefined(Exit.findErrorOption(ended)) : undefined
  assert(error?._tag === "CheckpointInUse" || error?._tag === "CheckpointTakenOver", `at ${at}`)
  // What the first one was told is safe, it may have acted upon.
  assert.isAtLeast(numberOf(second.state), safe, `at ${at}`)
  // Nobody can know that an answer is old which was right when it was given.
  if (side === "before") assert.strictEqual(isOpen, wasOpen, `at ${at}`)
  if (writesFirst) {
    assert.deepStrictEqual(
      Option.getOrThrow(yield* CheckpointStore.read(store)),
      { ...state(500), finished: true },
      `at ${at}`
    )
  }
  // Nor is the second one harmed by it.
  yield* second.write(state(501))
  assert.strictEqual(numberOf(yield* CheckpointStore.read(store)), 501, `at ${at}`)
  yield* Scope.close(scope, Exit.void)
  const third = yield* Effect.scoped(CheckpointStore.open(store, fingerprint, patient))
  assert.strictEqual(numberOf(third.state), 501, `at ${at}`)
  // Two of the one before at most, and two of its own.
  assert.isAtMost((yield* names).length, 4)
  return error._tag === "CheckpointTakenOver"
}, Effect.scoped)

describe("Checkpoint.keyValueStore, in the course of time", () => {
  it.live("does not fill the store, whether its runs write or find everything finished", () =>
    Effect.gen(function* () {
      const { names, store } = yield* keyValuePlace
      for (let n = 1; n <= 12; n++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { state: found, write } = yield* CheckpointStore.open(store, fingerprint, living)
            if (n > 1) assert.strictEqual(numberOf(found), Math.min(n - 1, 10))
            yield* Effect.sleep(3 * living.beat)
            if (n <= 10) yield* write(state(n))
          })
        )
        assert.isAtMost((yield* names).length, 4)
      }
    })
  )

  it.live("keeps apart the keys of which one begins with the other", () =>
    Effect.gen(function* () {
      const short = Checkpoint.keyValueStore("acme")
      const long = Checkpoint.keyValueStore("acme.state-9")
      yield* Effect.scoped(Effect.flatMap(short.open(fingerprint), ({ write }) => write(state(1))))
      yield* Effect.scoped(Effect.flatMap(long.open(fingerprint), ({ write }) => write(state(2))))
      assert.strictEqual(numberOf(yield* short.read), 1)
      assert.isTrue(yield* short.reset)
      assert.strictEqual(numberOf(yield* long.read), 2)
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )

  it.live("a run that was reset away cannot bring its state back", () =>
    Effect.gen(function* () {
      const { heldUp, store } = yield* keyValuePlace
      const pause = pauseAt(Number.POSITIVE_INFINITY, "before")
      const { write } = yield* CheckpointStore.open(heldUp(pause), fingerprint, patient)
      yield* write(state(1))
      yield* Effect.scoped(CheckpointStore.open(store, fingerprint, patient))
      assert.isTrue(yield* CheckpointStore.reset(store))
      assert.strictEqual((yield* Effect.flip(write(state(2))))._tag, "CheckpointTakenOver")
      assert.isTrue(Option.isNone(yield* CheckpointStore.read(store)))
    })
  )
})

describe("a run whose records must not be sent twice", () => {
  it.live("is refused with a checkpoint that cannot promise it, before anything is read or sent", () =>
    Effect.gen(function* () {
      let touched = 0
      const touch = Effect.sync(() => {
        touched++
      })
      const to = ReachDestination.create({ onConflict: "reject" })
      const newcomers = fromPatches(Stream.fromIterable<ReachSchema.NewCustomer>([])).pipe(Stream.onStart(touch))
      const run = CustomerSync.run({
        to: {
          ...to,
          address: undefined,
          send: () => Effect.andThen(touch, Effect.die("sent")),
          settle: () => Effect.die("sent")
        },
        // @ts-expect-error as from a script without types
        checkpoint: Checkpoint.keyValueStore("acme")
      })(CrashWorld.named(newcomers))
      const { reason } = yield* Effect.flip(run)
      assert(reason._tag === "CheckpointUnsafe")
      assert.include(reason.message, "Nothing may be sent twice to reach.create")
      assert.strictEqual(touched, 0)
      const store = yield* KeyValueStore.KeyValueStore
      assert.deepStrictEqual(yield* store.keys, [])
    }).pipe(Effect.provide(KeyValueStore.layerMemory))
  )
})

describe("a process that is stopped in the middle of a write", () => {
  it.live(
    "is taken over by one that finishes, and when it wakes the finished state stands",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        // A state that begins a file, and one that is added to it.
        const steps = ["open", "writeAll", "sync", "exists", "rename", "sync", "writeAll", "sync", "exists", "exists"]
        yield* Effect.forEach(
          steps,
          Effect.fnUntraced(function* (operation, step) {
            const dir = yield* fs.makeTempDirectoryScoped()
            const store = CheckpointFile.make(fs, dir)
            const child = yield* CheckpointChild.start(`stop-${step}`, [dir])
            const safe = step < 6 ? 0 : 1
            yield* child.until(safe + 2)
            assert.strictEqual(child.said.at(-1), `0 stops before ${operation}`)
            const { state: found, write } = yield* CheckpointStore.open(store, fingerprint, {
              ...living,
              patience: 200
            })
            const finished = { ...state(4000), finished: true }
            yield* write(finished)
            process.kill(child.pid, "SIGCONT")
            yield* child.until(safe + 3)
            // It was stopped at the end of a write, which the other has read.
            if (child.said.at(-1) === `0 ${safe + 1}`) {
              assert.strictEqual(numberOf(found), safe + 1)
              yield* child.until(safe + 4)
            }
            assert.strictEqual(child.said.at(-1), "0 failed CheckpointTakenOver", `before ${operation}`)
            assert.deepStrictEqual(Option.getOrThrow(yield* CheckpointStore.read(store)), finished)
          }, Effect.scoped),
          { concurrency: 2 }
        )
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )
})
