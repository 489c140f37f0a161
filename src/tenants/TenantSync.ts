/**
 * Syncs for a stream of tenants: so many at once, each in turn, and each with credentials, limits, checkpoint and report of its
 * own.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Monotonic from "../base/Monotonic.ts"
import * as Tag from "../base/Tag.ts"
import type { ApiError } from "../http/ApiError.ts"
import * as ConcurrencyPolicy from "../policy/concurrency/ConcurrencyPolicy.ts"
import * as RetryPolicy from "../policy/retry/RetryPolicy.ts"
import type * as Sender from "../policy/Sender.ts"
import * as Senders from "../policy/Senders.ts"
import type { Progress } from "../sync/books/Progress.ts"
import type { SyncReport } from "../sync/books/SyncReport.ts"
import * as CustomerSync from "../sync/CustomerSync.ts"
import type { Behaviour } from "../sync/model/Destination.ts"
import * as Reports from "./TenantsReport.ts"
import * as Turns from "./Turns.ts"

/**
 * The turn of a tenant, as its sync sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  /** The tenant's key. */
  readonly key: string
  /**
   * `CustomerSync.run`, which ends at its checkpoint when the turn is over, and goes on from there in the next one. The
   * tenant's sender stays between its turns, with what was found of its limit, its pauses and its breaker. At the
   * end of a turn only requests on the wire are waited for (`graceFor`); the next one takes up the rest.
   */
  readonly run: <
    A,
    B extends Behaviour,
    E extends ApiError,
    R,
    C extends object,
    RL = never,
    RD = never,
    RC = never,
    D = undefined
  >(
    options: TurnOptions<A, B, E, R, RL, RD, RC, C, D>
  ) => <ES, RS>(
    source: CustomerSync.Records<A, ES, RS, C>
  ) => Effect.Effect<
    SyncReport,
    CustomerSync.SyncStopped<
      ES | CustomerSync.StopReason<E, CustomerSync.Uses<C, "checkpoint"> | CustomerSync.Uses<D, "deadLetters">>
    >,
    Exclude<R | RL | RD | RC | RS, Scope.Scope>
  >
}

/**
 * What the sync of a tenant may be told: what `CustomerSync` is told, with a checkpoint.
 *
 * @category configuration
 * @since 0.1.0
 */
export type TurnOptions<
  A,
  B extends Behaviour,
  E extends ApiError,
  R,
  RL,
  RD,
  RC,
  C extends object,
  D
> = CustomerSync.Options<A, B, E, R, RL, RD, RC> & {
  readonly checkpoint: C
  readonly deadLetters?: D
  // Each turn would take up as many again.
  readonly limit?: never
}

/**
 * A tenant had its turns, and for as long as `patience` no record of it got an outcome. The next run goes on from its
 * checkpoint.
 *
 * @category errors
 * @since 0.1.0
 */
export class TenantStalled extends Data.TaggedError("TenantStalled")<{
  readonly tenant: string
  /** Milliseconds since a record of it had an outcome. */
  readonly since: number
  readonly turns: number
}> {
  override get message(): string {
    return `In ${this.turns} turns no record of this tenant got an outcome, the last for ${Math.round(this.since / 1000)} seconds. Its report says what it waited for. The next run goes on from its checkpoint.`
  }
}

/**
 * The stream of tenants failed. Those who had come before were brought to their end.
 *
 * @category errors
 * @since 0.1.0
 */
export class TenantsStopped<E> extends Data.TaggedError("TenantsStopped")<{
  readonly reason: E
  readonly report: Reports.TenantsReport
}> {
  override get message(): string {
    const { Done, Failed } = this.report.tenants
    const why = this.reason instanceof Error ? this.reason.message : Tag.of(this.reason)
    return `The stream of tenants ended early, after ${Done + Failed} of them. ${why}`
  }
}

/**
 * How a tenant ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface End<T, E> {
  readonly tenant: T
  readonly key: string
  /** Its report, or why it failed. */
  readonly exit: Exit.Exit<SyncReport, E | TenantStalled>
  /** What is known of it: also where it failed. */
  readonly report: SyncReport | undefined
  readonly turns: number
}

/**
 * What each tenant's sync is, and how they share. `E` is what one can fail with, and `R` what it needs.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<T, E, R> {
  /** What tells one tenant from another. */
  readonly key: (tenant: T) => string
  /**
   * Delivers one tenant's records by `turn.run`, with a checkpoint of its own. It is interrupted when its turn is over, and
   * run again in the next one.
   */
  readonly sync: (tenant: T, turn: Turn) => Effect.Effect<SyncReport, E, R>
  /** How many tenants have a place at once. Default: 32. */
  readonly concurrency?: number | undefined
  /** How long a tenant keeps its place while others wait for one. Default: 10 seconds. */
  readonly slice?: Duration.Input | undefined
  /**
   * How long it keeps it with no request in flight, waiting for its limit, a pause, its breaker, a retry or batches that settle,
   * while others wait for a place. Default: 2 seconds.
   */
  readonly idle?: Duration.Input | undefined
  /**
   * How long a tenant may take turns in which no record gets an outcome and no batch settles; then it fails with
   * `TenantStalled`. Default: 15 minutes.
   */
  readonly patience?: Duration.Input | undefined
  /** Called when a tenant has ended, well or not. */
  readonly onEnd?: ((end: End<T, E>) => Effect.Effect<void>) | undefined
  /** Called with the report when the run ends, in whatever way: also when it is interrupted. */
  readonly onReport?: ((report: Reports.TenantsReport) => Effect.Effect<void>) | undefined
}

/**
 * How a tenant stands now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  readonly key: string
  readonly state: Reports.State
  readonly turns: number
  /** What it has done, the turn that it has now included; absent until the first one began. */
  readonly report: SyncReport | undefined
  /** How far that turn is. */
  readonly progress: Progress | undefined
  /** Why it failed: the tag of the error. */
  readonly reason: string | undefined
}

/**
 * A run for many tenants, while it goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running<E> {
  /** The report over all, when the last tenant of the stream has ended. */
  readonly await: Effect.Effect<Reports.TenantsReport, TenantsStopped<E>>
  /** The report over all, as it is now. */
  readonly report: Effect.Effect<Reports.TenantsReport>
  /** One tenant, as it is now; `undefined` where it has not come yet. */
  readonly status: (key: string) => Effect.Effect<Status | undefined>
}

/** What is known of a tenant. */
interface Account {
  readonly key: string
  state: Reports.State
  turns: number
  /** Of the turns that ended. */
  report: SyncReport | undefined
  /** The name of the destination. */
  destination: string
  progress: Progress | undefined
  reason: string | undefined
}

const statusOf = ({ destination, ...account }: Account): Status => ({
  ...account,
  report: Reports.soFar(destination, account)
})

/** What there is of a tenant until it has ended. */
interface Live<T> {
  readonly tenant: T
  readonly account: Account
  readonly turn: Turn
  /** Its sender is there for as long. */
  readonly scope: Scope.Closeable
  sender: Sender.Sender | undefined
  fiber: Fiber.Fiber<void> | undefined
  isCalledBack: boolean
  /** The report of the turn that it has, once that has ended. */
  ended: SyncReport | undefined
  /** Since when, in this turn, it has done nothing but wait. */
  idleSince: number | undefined
  isSliceOver: boolean
  /** Whether batches of it were settling in this turn. */
  isSettling: boolean
  /** The most records that had an outcome, and when that was more than before. */
  settled: number
  movedAt: number | undefined
  hasMoved: boolean
  /** The last turns in a row in which nothing did. */
  still: number
}

// Doubled from turn to turn in which nothing moved.
const shortestAside = 1000
const longestAside = 60_000

/**
 * Starts to sync tenants in the background, until the scope closes; then each that runs ends at its checkpoint. Each comes to
 * its own end, well or not, whatever becomes of the others. Whoever stands in line longest is next, and one whose turn is
 * over stands last. So while a place is free, nobody waits, and nobody holds one for longer than `slice`, and the time
 * that a request in flight takes, while another waits for it.
 *
 * No more tenants are taken out of the stream than places, beyond those that have had a turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start =
  <T, E, R>(options: Options<T, E, R>) =>
  <ES, RS>(tenants: Stream.Stream<T, ES, RS>): Effect.Effect<Running<ES>, never, R | RS | Scope.Scope> =>
    Effect.gen(function* () {
      const { concurrency = 32, key: keyOf, onEnd, onReport, sync } = options
      const slice = Duration.fromInputUnsafe(options.slice ?? "10 seconds")
      const idle = Duration.toMillis(Duration.fromInputUnsafe(options.idle ?? "2 seconds"))
      const patience = Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? "15 minutes"))
      const clock = yield* Clock.Clock
      const now = () => Monotonic.millis(clock)
      const startedAt = now()
      const accounts = new Map<string, Account>()
      let repeated = 0
      let open = 0
      let isClosing = false
      let sourceEnd: Exit.Exit<void, ES> | undefined
      const done = yield* Deferred.make<void>()
      const unstarted = yield* Semaphore.make(concurrency)

      const report = Effect.sync(() =>
        Reports.make(Array.from(accounts.values(), statusOf), { repeated, elapsed: now() - startedAt })
      )
      let isReported = false
      const finalReport = Effect.gen(function* () {
        const made = yield* report
        if (!isReported && onReport !== undefined) {
          isReported = true
          yield* onReport(made)
        }
        return made
      })
      // After the tenants, which end when the scope does.
      yield* Effect.addFinalizer(() => finalReport)
      const scope = yield* Effect.scope
      const fork = yield* FiberSet.runtime(yield* FiberSet.make<void>())<R>()
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          isClosing = true
          turns.close()
          for (const account of accounts.values()) {
            if (account.state === "Waiting" || account.state === "Aside") account.state = "Stopped"
          }
        })
      )

      const turns = Turns.make<Live<T>>({
        places: concurrency,
        start: (live) => {
          live.fiber = fork(turnOf(live))
        },
        callBack: (live) => {
          live.isCalledBack = true
          live.fiber?.interruptUnsafe()
        }
      })

      const concludeIfOver = () => {
        if (sourceEnd !== undefined && open === 0) Deferred.doneUnsafe(done, Effect.void)
      }

      const turnOf = (live: Live<T>): Effect.Effect<void, never, R> => {
        const { account } = live
        return Effect.suspend(() => {
          if (account.turns++ === 0) unstartedLeft()
          account.state = "Running"
          live.movedAt ??= now()
          live.isCalledBack = live.isSliceOver = live.isSettling = live.hasMoved = false
          live.ended = live.idleSince = undefined
          return Effect.andThen(Effect.forkChild(sliceOf(live)), sync(live.tenant, live.turn))
        }).pipe(
          Effect.onExit((exit) =>
            // What throws there is the caller's, and stops the run.
            Effect.catchCause(concluded(live, exit), (cause) =>
              Effect.sync(() => void Deferred.doneUnsafe(done, Effect.failCause(cause)))
            )
          ),
          Effect.exit,
          Effect.asVoid
        )
      }
      const unstartedLeft = () => fork(Effect.asVoid(Semaphore.release(unstarted, 1)))

      const sliceOf = (live: Live<T>) =>
        Effect.delay(
          Effect.sync(() => {
            live.isSliceOver = true
            turns.mayGo(live, true)
          }),
          slice
        )

      /** The end of a turn. */
      const concluded = (live: Live<T>, exit: Exit.Exit<SyncReport, E>): Effect.Effect<void> =>
        Effect.suspend(() => {
          const { account } = live
          const last = Exit.isSuccess(exit) ? exit.value : live.ended
          if (last !== undefined) account.report = Reports.overTurns(account.report, last)
          account.progress = undefined
          const isInterrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
          if (isInterrupted && isClosing) {
            account.state = "Stopped"
            return Scope.close(live.scope, exit)
          }
          if (!isInterrupted || !live.isCalledBack) return ended(live, exit)
          const since = now() - (live.movedAt ?? startedAt)
          if (since >= patience && !live.isSettling) {
            const { key, turns } = account
            return ended(live, Exit.fail(new TenantStalled({ tenant: key, since, turns })))
          }
          standAgain(live)
          return Effect.void
        })

      /** Gives the place back and stands in line again, at once or when there is something to do. */
      const standAgain = (live: Live<T>) => {
        live.still = live.hasMoved ? 0 : live.still + 1
        const wait = Math.max(
          live.still === 0 ? 0 : Math.min(shortestAside * 2 ** (live.still - 1), longestAside),
          (live.sender?.pausedUntil() ?? 0) - now()
        )
        if (wait > 0) {
          live.account.state = "Aside"
          fork(
            Effect.delay(
              Effect.sync(() => stand(live)),
              wait
            )
          )
        } else stand(live)
        turns.left(live)
      }

      const stand = (live: Live<T>) => {
        if (isClosing) return
        live.account.state = "Waiting"
        turns.stand(live)
      }

      const ended = (live: Live<T>, exit: Exit.Exit<SyncReport, E | TenantStalled>): Effect.Effect<void> => {
        const { account, scope, tenant } = live
        account.state = Exit.isSuccess(exit) ? "Done" : "Failed"
        if (Exit.isFailure(exit)) account.reason = reasonOf(exit.cause)
        const { key, report, turns: taken } = account
        const told = onEnd === undefined ? Effect.void : onEnd({ tenant, key, exit, report, turns: taken })
        return Effect.ensuring(
          Effect.andThen(Scope.close(scope, Exit.void), told),
          Effect.sync(() => {
            open--
            turns.left(live)
            concludeIfOver()
          })
        )
      }

      const come = Effect.fnUntraced(function* (tenant: T) {
        const key = keyOf(tenant)
        const known = accounts.get(key)
        if (known !== undefined && known.state !== "Done" && known.state !== "Failed") {
          repeated++
          return
        }
        yield* Semaphore.take(unstarted, 1)
        const account: Account = {
          key,
          state: "Waiting",
          turns: 0,
          report: undefined,
          destination: "",
          progress: undefined,
          reason: undefined
        }
        accounts.set(key, account)
        open++
        const live: Live<T> = {
          tenant,
          account,
          turn: { key, run: (options) => (source) => inTurn(live, options, source) },
          scope: yield* Scope.fork(scope),
          sender: undefined,
          fiber: undefined,
          isCalledBack: false,
          ended: undefined,
          idleSince: undefined,
          isSliceOver: false,
          isSettling: false,
          settled: 0,
          movedAt: undefined,
          hasMoved: false,
          still: 0
        }
        turns.stand(live)
      })

      /** `CustomerSync.run`, watched. */
      const inTurn = <A, B extends Behaviour, E extends ApiError, R, RL, RD, RC, C extends object, D, ES, RS>(
        live: Live<T>,
        options: TurnOptions<A, B, E, R, RL, RD, RC, C, D>,
        source: CustomerSync.Records<A, ES, RS, C>
      ) =>
        Effect.andThen(
          Effect.suspend(() => {
            live.account.destination = options.to.name
            return joined(live, options)
          }),
          CustomerSync.run<A, B, E, R, RL, RD, RC, C, D>({
            graceFor: "requests",
            ...options,
            onProgress: (progress) => {
              seen(live, progress)
              return options.onProgress?.(progress) ?? Effect.void
            },
            onReport: (report) => {
              live.ended = report
              return options.onReport?.(report) ?? Effect.void
            }
          })(source)
        )

      const seen = (live: Live<T>, progress: Progress) => {
        live.account.progress = progress
        // From then on batches are given up that may yet settle.
        if (live.isCalledBack) return
        const { inFlight, outcomes, settling, waiting } = progress
        if (settling !== undefined) live.isSettling = true
        const at = now()
        const settled = progress.settled - outcomes.Unsent
        if (settled > live.settled) {
          live.settled = settled
          live.movedAt = at
          live.hasMoved = true
        }
        const isIdle = inFlight === 0 && (waiting !== undefined || settling !== undefined)
        live.idleSince = isIdle ? (live.idleSince ?? at) : undefined
        turns.mayGo(live, live.isSliceOver || (live.idleSince !== undefined && at - live.idleSince >= idle))
      }

      yield* Stream.runForEach(tenants, come).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            sourceEnd = exit
            concludeIfOver()
          })
        ),
        Effect.exit,
        Effect.forkScoped
      )

      return {
        await: Effect.gen(function* () {
          yield* Deferred.await(done)
          const made = yield* finalReport
          if (sourceEnd === undefined || Exit.isSuccess(sourceEnd)) return made
          const { cause } = sourceEnd
          return yield* Effect.catch(Effect.failCause(cause), (reason) =>
            Effect.fail(new TenantsStopped({ reason, report: made }))
          )
        }),
        report,
        status: (key) =>
          Effect.sync(() => {
            const account = accounts.get(key)
            return account && statusOf(account)
          })
      }
    })

/** The tenant's sender is joined with the policies of its first turn, so that it stays until the tenant has ended. */
const joined = <A, B extends Behaviour, E extends ApiError, R, RL, RD, RC>(
  live: Pick<Live<unknown>, "scope" | "sender">,
  { breaker, concurrency, rateLimit, retry = RetryPolicy.make(), to }: CustomerSync.Options<A, B, E, R, RL, RD, RC>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      if (live.sender !== undefined) return
      const address = to.address === undefined ? { vendor: to.vendor, tenant: to.tenant } : yield* to.address
      live.sender = yield* Scope.provide(
        Senders.join<RL>({
          ...address,
          rateLimit,
          breaker,
          concurrency: typeof concurrency === "number" ? ConcurrencyPolicy.fixed(concurrency) : concurrency,
          budget: retry.budget
        }),
        live.scope
      )
    })
  )

/** The tag of what stopped it. */
const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.findErrorOption(cause)
  if (error._tag === "None") return Cause.hasDies(cause) ? "Defect" : "Interrupted"
  return error.value instanceof CustomerSync.SyncStopped ? Tag.of(error.value.reason) : Tag.of(error.value)
}

/**
 * Syncs every tenant of a stream, so many at once, and ends with a report over all. A tenant that fails stops no other, and
 * is in the report. Run again, each goes on from its own checkpoint.
 *
 * Interrupting it ends each turn at its checkpoint, and hands the report to `onReport`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run =
  <T, E, R>(options: Options<T, E, R>) =>
  <ES, RS>(
    tenants: Stream.Stream<T, ES, RS>
  ): Effect.Effect<Reports.TenantsReport, TenantsStopped<ES>, Exclude<R | RS, Scope.Scope>> =>
    Effect.scoped(Effect.flatMap(start(options)(tenants), (running) => running.await))

/**
 * A folder's name for a tenant, inside another one, whatever its key is: for its checkpoint and its dead letters. Different keys
 * have different names; a file system that knows no case must not be given keys that differ in nothing else.
 *
 * @category combinators
 * @since 0.1.0
 */
export const folder = (parent: string, key: string): string =>
  `${parent}/${encodeURIComponent(key.toWellFormed()).replace(/^\./, "%2E") || "%"}`
