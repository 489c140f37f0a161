/**
 * Runs many elements of a stream at once, but never two that share a key, and those of one key in order.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Latch from "effect/Latch"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { doubled, Line } from "../../base/Line.ts"
import * as UnfinishedKeys from "../batch/UnfinishedKeys.ts"
import * as KeyHash from "../record/KeyHash.ts"

/**
 * How many elements are unfinished at the moment. Whoever made it reads it when they like; the streams it was
 * given to write it. Given to several streams, it holds their sum.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gauge {
  /** Elements that are being worked on. */
  running: number
  /** Elements that wait because one before them holds one of their keys. */
  waiting: number
}

/**
 * A gauge that stands at zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gauge = (): Gauge => ({ running: 0, waiting: 0 })

/**
 * @category configuration
 * @since 0.1.0
 */
export interface Options<A> {
  /**
   * Two elements that have one of these in common are in conflict. Repeated keys count once; none is lawful. They are told
   * apart by their `KeyHash`, and may be given as such.
   */
  readonly keys: (element: A) => Iterable<string> | Int32Array
  /**
   * Elements that may be unfinished at once: running, waiting for a key, or finished with a result that was
   * not taken. Default: 16. Less than 1 counts as 1.
   */
  readonly window?: number | undefined
  /**
   * What a failure does to the elements that run. Default: `"finish"`, they finish and their results come
   * before the failure, since nobody could say what became of them otherwise. `"interrupt"`: they are
   * interrupted, and the stream fails when they have ended.
   */
  readonly onFailure?: "finish" | "interrupt" | undefined
  /** Default: none. */
  readonly gauge?: Gauge | undefined
  /** Where the keys of unfinished elements are kept, for whoever wants to know. Default: nowhere that others can see. */
  readonly unfinished?: UnfinishedKeys.UnfinishedKeys | undefined
}

// Enough for others to pass an element that waits, few enough to hold in memory whatever an element is.
const defaultWindow = 16

/**
 * `Stream.mapEffect` for elements that may be in conflict. Two elements that share a key never run at the same
 * time, and those of one key run in stream order. An element that waits for a key lets later ones pass it,
 * unless they are in conflict with it or with any other unfinished element before them. Results come as they
 * are ready; those of one key come in stream order.
 *
 * At most `window` elements are unfinished, and upstream is not pulled beyond that (what came in one array
 * with an element that was pulled waits outside the window). How many really work at once is `f`'s affair: a
 * permit taken inside `f` bounds it without keeping elements from passing.
 *
 * - Upstream ends or fails: what was pulled before runs, its results come, then the stream ends or fails.
 * - `f` fails or dies: upstream is interrupted, no other element starts, and the stream fails when the running
 *   ones have ended. Several failures are combined.
 * - Downstream stops or is interrupted: the running elements and the pull are interrupted together, and waited
 *   for; then upstream is closed. An `f` that must not be cut short is `Effect.uninterruptible`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapEffect: {
  <A, B, E2, R2>(
    f: (element: A, index: number) => Effect.Effect<B, E2, R2>,
    options: Options<NoInfer<A>>
  ): <E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<B, E | E2, R | R2>
  <A, E, R, B, E2, R2>(
    self: Stream.Stream<A, E, R>,
    f: (element: NoInfer<A>, index: number) => Effect.Effect<B, E2, R2>,
    options: Options<NoInfer<A>>
  ): Stream.Stream<B, E | E2, R | R2>
} = dual(
  3,
  <A, E, R, B, E2, R2>(
    self: Stream.Stream<A, E, R>,
    f: (element: A, index: number) => Effect.Effect<B, E2, R2>,
    options: Options<A>
  ): Stream.Stream<B, E | E2, R | R2> =>
    Stream.fromChannel(
      Channel.fromTransformBracket(
        Effect.fnUntraced(function* (_: unknown, __: Scope.Scope, scope: Scope.Scope) {
          type Work = Effect.Effect<B, E2, R2>
          // A scope of its own, made before the finalizer below is added, is closed after it has run.
          const pull = yield* Channel.toPullScoped(Stream.toChannel(self), Scope.forkUnsafe(scope))
          const runFork = Effect.runForkWith(yield* Effect.context<R | R2>())
          const { onFailure = "finish", window = defaultWindow } = options
          const room = Semaphore.makeUnsafe(Math.max(window, 1))
          // The semaphore bounds it.
          const results = yield* Queue.unbounded<B, E | E2 | Cause.Done>()
          const count = options.gauge ?? gauge()
          const tasks = new Tasks<Work>(options.unfinished ?? UnfinishedKeys.make())
          const fibers = new Line<Fiber.Fiber<unknown, unknown>>()
          const idle = Latch.makeUnsafe()
          const ready: Array<Task<Work>> = []
          let index = 0
          let active = 0
          let waiting = 0
          let starting = false
          let stopped = false
          let interrupted = false
          let puller: Fiber.Fiber<void, unknown> | undefined
          let failure: Cause.Cause<E | E2> | undefined

          // One fiber, watched from outside: nothing is wrapped around the effect it runs.
          const fork = <X, EX>(effect: Effect.Effect<X, EX, R | R2>, onExit: (exit: Exit.Exit<X, EX>) => void) => {
            active++
            const fiber = runFork(effect)
            const place = fibers.add(fiber)
            fiber.addObserver((exit) => {
              fibers.remove(place)
              onExit(exit)
              leave()
            })
            // It was stopped by what it did before it was known here.
            if (interrupted) fiber.interruptUnsafe()
            return fiber
          }

          const leave = () => {
            if (--active > 0) return
            if (failure === undefined) Queue.endUnsafe(results)
            else Queue.failCauseUnsafe(results, failure)
            Latch.openUnsafe(idle)
          }

          // Nothing is pulled and nothing is started from now on.
          const stop = () => {
            stopped = true
            count.waiting -= waiting
            waiting = 0
            puller?.interruptUnsafe()
          }

          const interrupt = () => {
            interrupted = true
            for (const fiber of fibers.values()) fiber.interruptUnsafe()
          }

          const fail = (cause: Cause.Cause<E | E2>, doomed: boolean) => {
            // What is interrupted because of a failure adds nothing to it.
            if (stopped && Cause.hasInterruptsOnly(cause)) return
            failure = failure === undefined ? cause : Cause.combine(failure, cause)
            if (doomed || onFailure === "interrupt") stop()
            if (onFailure === "interrupt") interrupt()
          }

          // Effects that end at once would start each other from inside each other: a loop starts them instead.
          const startReady = () => {
            if (starting) return
            starting = true
            active++
            for (let i = 0; i < ready.length && !stopped; i++) start(ready[i] as Task<Work>)
            ready.length = 0
            starting = false
            leave()
          }

          const start = (task: Task<Work>) => {
            count.running++
            const { work } = task
            // What an element holds is `f`'s to keep, as long as it needs it.
            task.work = Effect.never
            fork(work, (exit) => {
              count.running--
              if (Exit.isSuccess(exit)) Queue.offerUnsafe(results, exit.value)
              else fail(exit.cause, true)
              if (stopped) return
              const before = ready.length
              tasks.release(task, ready)
              waiting -= ready.length - before
              count.waiting -= ready.length - before
              startReady()
            })
          }

          const workOn = (element: A, at: number) => Effect.suspend(() => f(element, at))

          const admit = (element: A) => {
            // Read once, before anything is changed: it may throw, and may not be the same twice.
            const task = tasks.admit(workOn(element, index++), hashesOf(options.keys(element)))
            if (task.blockers > 0) {
              waiting++
              count.waiting++
            } else {
              ready.push(task)
              startReady()
            }
          }

          // Room comes before the pull, so that nothing is pulled that could not be admitted.
          const pullAll = Effect.gen(function* () {
            yield* room.take(1)
            while (!stopped) {
              for (const element of yield* pull) {
                if (stopped) return
                admit(element)
                yield* room.take(1)
              }
            }
          })

          yield* Scope.addFinalizer(
            scope,
            Effect.suspend(() => {
              stop()
              interrupt()
              return active === 0 ? Effect.void : Latch.await(idle)
            })
          )
          puller = fork(pullAll, (exit) => {
            if (Exit.isSuccess(exit)) return
            const end = Pull.filterDone(exit.cause)
            if (Result.isFailure(end)) fail(end.failure, false)
          })
          if (stopped) puller.interruptUnsafe()
          return Effect.tap(Queue.takeAll(results), (taken) => room.release(taken.length))
        })
      )
    )
)

interface Task<W> {
  /** What is to be done; nothing any more, once it has begun. */
  work: W
  readonly keys: Int32Array
  /** Among the unfinished ones; above 0. */
  readonly owner: number
  /** How many unfinished tasks it waits for. */
  blockers: number
  /** The tasks that wait for this one, in stream order. */
  readonly followers: Array<Task<W>>
}

const firstTasks = 16

/**
 * The unfinished tasks and their keys. Whoever comes next waits for the last unfinished task that has the key, alone, which
 * waits for the one before it: a chain, so that a key needs no queue of its own.
 */
class Tasks<W> {
  private readonly unfinished: UnfinishedKeys.UnfinishedKeys
  // By what they are called among the unfinished ones.
  private tasks: Array<Task<W> | undefined> = new Array(firstTasks).fill(undefined)

  constructor(unfinished: UnfinishedKeys.UnfinishedKeys) {
    this.unfinished = unfinished
  }

  /** A task that has its keys from now on. */
  admit(work: W, keys: Int32Array): Task<W> {
    const { unfinished } = this
    const owner = unfinished.enter()
    while (owner >= this.tasks.length) this.tasks = doubled(this.tasks)
    const task: Task<W> = { work, keys, owner, blockers: 0, followers: [] }
    this.tasks[owner] = task
    for (let i = 0; i < keys.length; i++) {
      const before = this.tasks[unfinished.take(keys[i] ?? 0, owner)]
      // A task is admitted at a time, so if it follows already, it is the last that does.
      if (before === undefined || before === task || before.followers.at(-1) === task) continue
      before.followers.push(task)
      task.blockers++
    }
    return task
  }

  /** Gives the keys of a task back, except those that a later one has taken over. */
  release({ followers, keys, owner }: Task<W>, ready: Array<Task<W>>): void {
    this.tasks[owner] = undefined
    this.unfinished.leave(owner, keys)
    for (const follower of followers) if (--follower.blockers === 0) ready.push(follower)
  }
}

const hashesOf = (keys: Iterable<string> | Int32Array): Int32Array =>
  keys instanceof Int32Array ? keys : Int32Array.from(keys, KeyHash.of)
