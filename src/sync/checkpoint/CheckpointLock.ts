/**
 * One run at a time on a checkpoint, wherever names can be written and listed.
 *
 * A run that wants the checkpoint first writes a claim under a name that nobody else has, then lists all
 * claims. It has the checkpoint when no other claim is left that may be of a run that lives. Of two runs that
 * start together, the one that wrote later sees the claim of the other, so that never both have it. A claim is
 * removed by its own name, so that cleaning up after a dead run can never take the place of a living one.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CheckpointInUse, CheckpointTakenOver, type CheckpointUnwritable } from "./CheckpointError.ts"
import type { Lease, WriteError } from "./OpenCheckpoint.ts"
import * as ProcessIdentity from "./ProcessIdentity.ts"

/** A claim as it is found. */
export interface Claim {
  readonly token: string
  readonly text: string
  /** Changes with each sign of life. */
  readonly beat: string
  /** Milliseconds since the last sign, where one clock tells all of them. */
  readonly silentFor?: number | undefined
}

/** Where claims are written. */
export interface Claims {
  readonly put: (token: string, text: string) => Effect.Effect<void, CheckpointUnwritable>
  /** Every claim that was there all the while must be in it. */
  readonly list: Effect.Effect<ReadonlyArray<Claim>, CheckpointUnwritable>
  readonly has: (token: string) => Effect.Effect<boolean, CheckpointUnwritable>
  /** Gives a sign of life; must not make a claim that is gone. */
  readonly beat: (token: string) => Effect.Effect<void>
  readonly remove: (token: string) => Effect.Effect<void, CheckpointUnwritable>
  /**
   * Removes the claim of a run that is gone, and says whether it could: not where it has given another sign of life.
   * Default: `remove`, which cannot tell.
   */
  readonly evict?: ((claim: Claim) => Effect.Effect<boolean, CheckpointUnwritable>) | undefined
  /**
   * Whether another process that is there, and gives no sign of life, may be taken over: it was stopped, and finds out when
   * it wakes. Default: it is left alone.
   */
  readonly replacesStopped?: boolean | undefined
}

export interface Lock {
  readonly token: string
  /** Fails when another run has taken the checkpoint over, because this one gave no sign of life for long. */
  readonly check: Effect.Effect<void, WriteError>
  /** Fails with who has it now. */
  readonly lost: Effect.Effect<never, WriteError>
  readonly lease: Lease
}

const Holder = Schema.Struct({
  ...ProcessIdentity.ProcessIdentity.fields,
  /** RFC 3339, UTC. */
  since: Schema.String,
  /** Of two claims made at the same time, the one with the lower number goes first: nanoseconds since 1970. */
  order: Schema.String
})

type Holder = typeof Holder.Type

const encodeHolder = Schema.encodeSync(Schema.fromJsonString(Holder))
const decodeHolder = Schema.decodeUnknownResult(Schema.fromJsonString(Holder))

/** How long things take, in milliseconds. */
export interface Timing {
  /** Between two signs of life. Default: 3,000. */
  readonly beat?: number | undefined
  /**
   * A run that cannot be seen from here (another machine, another container) is gone when it gave no sign of
   * life for so long. It begins no request itself when four fifths of it are over. Default: 15,000, five signs.
   */
  readonly patience?: number | undefined
  /**
   * How long a claim waits for later ones to be taken back, which takes these one look, before it takes them for
   * a run whose clock is ahead. Default: 2,000.
   */
  readonly contention?: number | undefined
}

// What runs of this process hold. A claim that one of them could not take back says nothing.
const held = new Set<string>()

// Between two looks at the claims of others.
const pollInterval = 20

/**
 * Claims the checkpoint for as long as the scope is open. A run that is gone from this machine is replaced at
 * once, one that cannot be seen from here after `patience`.
 */
export const acquire = (
  checkpoint: string,
  claims: Claims,
  timing?: Timing | undefined
): Effect.Effect<Lock, CheckpointInUse | WriteError, Scope.Scope> =>
  Effect.gen(function* () {
    const patience = timing?.patience ?? 15_000
    const token = crypto.randomUUID()
    const takeBack = Effect.ignore(claims.remove(token))
    const now = yield* Clock.currentTimeNanos
    const me: Holder = {
      ...(yield* ProcessIdentity.self),
      since: new Date(Number(now / 1_000_000n)).toISOString(),
      order: `${now.toString().padStart(20, "0")} ${token}`
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => held.add(token)),
      () => Effect.sync(() => held.delete(token))
    )
    yield* Effect.acquireRelease(
      Effect.onError(claims.put(token, encodeHolder(me)), () => takeBack),
      () => takeBack
    )
    const lost = Effect.flatMap(claims.list, (all) => {
      const other = all.find((claim) => claim.token !== token)
      return Effect.fail(takenOver(checkpoint, other && holderOf(other)))
    })
    const check = Effect.flatMap(claims.has(token), (mine) => (mine ? Effect.void : lost))
    const lease = yield* makeLease(Effect.andThen(claims.beat(token), check), (patience * 4) / 5)
    yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.ignore(lease.renew), timing?.beat ?? 3000)))
    yield* Effect.onError(
      win(checkpoint, claims, token, me, { patience, contention: timing?.contention ?? 2000 }),
      () => takeBack
    )
    return { token, check, lost, lease }
  }).pipe(
    // Other processes do not share the clock of a test.
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
  )

/** `confirm` gives a sign of life and then looks whether the claim is still there. */
const makeLease = Effect.fnUntraced(function* (
  confirm: Effect.Effect<void, WriteError>,
  lasts: number
): Effect.fn.Return<Lease> {
  const clock = yield* Clock.Clock
  // Of the two, the one that went on further: one stands still while a machine sleeps, the other may be set.
  const now = () => ({
    monotonic: Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000,
    wall: clock.currentTimeMillisUnsafe()
  })
  let sure = now()
  return {
    isSure: () => {
      const { monotonic, wall } = now()
      return Math.max(monotonic - sure.monotonic, wall - sure.wall) < lasts
    },
    renew: Effect.suspend(() => {
      const before = now()
      return Effect.andThen(
        confirm,
        Effect.sync(() => {
          sure = before
        })
      )
    }).pipe(Effect.provideService(Clock.Clock, clock))
  }
})

const win = Effect.fnUntraced(function* (
  checkpoint: string,
  claims: Claims,
  token: string,
  me: Holder,
  { contention, patience }: { readonly contention: number; readonly patience: number }
): Effect.fn.Return<void, CheckpointInUse | WriteError> {
  const watched = new Map<string, { readonly beat: string; readonly from: number }>()
  const evict = claims.evict ?? ((claim: Claim) => Effect.as(claims.remove(claim.token), true))
  let contendedFrom: number | undefined
  for (;;) {
    const now = Number(yield* Clock.monotonicTimeNanos) / 1_000_000
    const all = yield* claims.list
    // Whoever took this run for dead has the checkpoint now.
    if (!all.some((claim) => claim.token === token)) return yield* takenOver(checkpoint, undefined)
    const dead: Array<Claim> = []
    let blocked = false
    let contended = false
    for (const claim of all) {
      if (claim.token === token) continue
      const holder = holderOf(claim)
      let fate = holder === undefined ? "unknown" : yield* isAlive(holder, claim.token, me)
      if (fate === "alive" && claims.replacesStopped === true && holder?.instance !== me.instance) fate = "unknown"
      if (fate === "unknown") {
        const first = watched.get(claim.token)
        const from = now - (claim.silentFor ?? 0)
        if (first === undefined) watched.set(claim.token, { beat: claim.beat, from })
        if (first !== undefined && first.beat !== claim.beat) fate = "alive"
        else if (now - (first?.from ?? from) >= patience) fate = "dead"
      }
      if (fate === "dead") {
        dead.push(claim)
        continue
      }
      blocked = true
      if (fate === "unknown") continue
      // It was first, or it has the checkpoint already and its clock is ahead.
      contendedFrom ??= now
      contended = true
      if (holder === undefined || holder.order < me.order || now - contendedFrom >= contention) {
        return yield* inUse(checkpoint, holder)
      }
    }
    // A run whose claim cannot be removed would not learn that it was taken over.
    if (!blocked && (yield* Effect.forEach(dead, evict)).every(Boolean)) return
    if (!contended) contendedFrom = undefined
    yield* Effect.sleep(pollInterval)
  }
})

const isAlive = (holder: Holder, token: string, me: Holder): Effect.Effect<"alive" | "dead" | "unknown"> =>
  holder.instance === me.instance
    ? Effect.succeed(held.has(token) ? "alive" : "dead")
    : ProcessIdentity.isAlive(holder, me)

const holderOf = (claim: Claim): Holder | undefined => Result.getOrUndefined(decodeHolder(claim.text))

const inUse = (checkpoint: string, holder: Holder | undefined) => new CheckpointInUse({ checkpoint, ...shown(holder) })

const takenOver = (checkpoint: string, holder: Holder | undefined) =>
  new CheckpointTakenOver({ checkpoint, ...shown(holder) })

const shown = (holder: Holder | undefined) => ({ pid: holder?.pid, host: holder?.host, since: holder?.since })
