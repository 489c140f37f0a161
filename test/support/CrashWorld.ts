/**
 * A world that outlives the runs in it: a checkpoint, dead letters, and the way to a sandbox. A run in it can be cut
 * before any of its effects: from then on nothing that it does reaches the world.
 */
import { Deferred, Effect, type Exit, Fiber, Layer, Option, Redacted } from "effect"
import { HttpClient } from "effect/http"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import { type Sandbox, SandboxClient } from "../../src/sandbox/index.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import * as Checkpoint from "../../src/sync/checkpoint/Checkpoint.ts"
import * as Source from "../../src/sync/record/Source.ts"

/** What a run in a world needs, besides the sandbox. */
export type Provided = HttpClient.HttpClient | ReachClient.ReachClient

export interface World {
  readonly checkpoint: Checkpoint.Checkpoint<never, "safe">
  readonly deadLetters: DeadLetters.DeadLetters
  /** What the checkpoint holds. */
  readonly saved: () => Checkpoint.State | undefined
  /** Every state that was written, in order. */
  readonly history: ReadonlyArray<Checkpoint.State>
  readonly letters: ReadonlyArray<DeadLetters.DeadLetter>
  /** Fails the writes of the checkpoint from the n-th on. */
  readonly breakWrites: (from: number) => void
  readonly client: Layer.Layer<Provided, never, Sandbox.Sandbox>
  /**
   * Runs an effect to its end, or to its first step that is told here. A step is a write that is about to be made, a
   * request that is about to be sent, or an answer that is about to be given.
   */
  readonly until: <A, E, R>(
    stop: (step: string, number: number) => boolean,
    run: Effect.Effect<A, E, R>
  ) => Effect.Effect<Exit.Exit<A, E> | "cut", never, R>
}

export const never = () => false

/** The name that any stream of records has as a source in these tests. */
export const named = Source.withFingerprint({ source: "a test" })

export const make = (): World => {
  let state: Checkpoint.State | undefined
  let stop: (step: string, number: number) => boolean = never
  let isCut = false
  let steps = 0
  let brokenFrom = Number.POSITIVE_INFINITY
  let writes = 0
  let cut = Deferred.makeUnsafe<void>()
  const history: Array<Checkpoint.State> = []
  const memory = DeadLetters.memory()

  /** Whether the step is made. */
  const step = (name: string): boolean => {
    if (!isCut && stop(name, ++steps)) {
      isCut = true
      Deferred.doneUnsafe(cut, Effect.void)
    }
    return !isCut
  }

  const client = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(SandboxClient.make, (sandbox) =>
      HttpClient.make((request) =>
        Effect.suspend(() => {
          const name = `${request.method} ${new URL(request.url).pathname}`
          if (!step(`request ${name}`)) return Effect.never
          return Effect.flatMap(sandbox.execute(request), (response) =>
            step(`answer ${name}`) ? Effect.succeed(response) : Effect.never
          )
        })
      )
    )
  )

  return {
    checkpoint: {
      takeover: "safe",
      open: (fingerprint) =>
        Effect.suspend(() => {
          const differences = state === undefined ? [] : Checkpoint.differences(state.fingerprint, fingerprint)
          if (differences.length > 0) {
            return Effect.fail(new Checkpoint.CheckpointMismatch({ checkpoint: "memory", differences }))
          }
          return Effect.succeed({
            state: Option.fromUndefinedOr(state),
            write: (next: Omit<Checkpoint.State, "fingerprint">) =>
              Effect.suspend(() => {
                if (!step("checkpoint")) return Effect.void
                if (++writes >= brokenFrom) {
                  return Effect.fail(new Checkpoint.CheckpointUnwritable({ checkpoint: "memory", reason: "ENOSPC" }))
                }
                state = structuredClone({ ...next, fingerprint })
                history.push(state)
                return Effect.void
              })
          })
        })
    },
    deadLetters: {
      open: (options) =>
        Effect.map(memory.open(options), (opened) => ({
          write: (letters) => Effect.suspend(() => (step("letters") ? opened.write(letters) : Effect.void))
        }))
    },
    saved: () => state,
    history,
    letters: memory.letters,
    breakWrites: (from) => {
      brokenFrom = from
    },
    client: Layer.provideMerge(
      Layer.orDie(ReachClient.layer({ auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) })),
      client
    ),
    until: (at, run) =>
      Effect.gen(function* () {
        stop = at
        isCut = false
        steps = 0
        cut = Deferred.makeUnsafe<void>()
        const fiber = yield* Effect.forkChild(run)
        const exit = yield* Effect.raceFirst(Fiber.await(fiber), Effect.as(Deferred.await(cut), "cut" as const))
        // Whatever it still does, it does for itself: the world is closed to it until it has ended.
        if (exit === "cut") yield* Fiber.interrupt(fiber)
        isCut = false
        stop = never
        return exit
      })
  }
}
