/**
 * The senders of a process: whoever sends to one vendor and key while another does, shares its sender.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../base/Monotonic.ts"
import * as ConcurrencyPolicy from "./concurrency/ConcurrencyPolicy.ts"
import * as RateLimitPolicy from "./rate/RateLimitPolicy.ts"
import * as SharedLimit from "./rate/SharedLimit.ts"
import * as CircuitBreakerPolicy from "./retry/CircuitBreakerPolicy.ts"
import type * as RetryPolicy from "./retry/RetryPolicy.ts"
import * as Sender from "./Sender.ts"

/**
 * The policies that belong to a sender.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Policies<R = never> {
  /** Default: `RateLimitPolicy.find()`. */
  readonly rateLimit?: RateLimitPolicy.RateLimitPolicy<R> | undefined
  /** Default: `ConcurrencyPolicy.fixed(8)`. */
  readonly concurrency?: ConcurrencyPolicy.ConcurrencyPolicy | undefined
  /**
   * Default: no circuit breaker. Where the limit is shared with other processes, so is the breaker, through the
   * `CircuitBreakerStore` of the context, if there is one (`SqlCircuitBreakerStore.layer`, `CircuitBreaker.layerStoreRedis`).
   */
  readonly breaker?: CircuitBreakerPolicy.CircuitBreakerPolicy | undefined
}

/**
 * The policies of a sender, and for whom it sends.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options<R = never> extends Policies<R>, Sender.Address {}

interface Entry {
  readonly sender: Sender.Sender
  readonly id: string
  /** Those for which it is the sender. */
  readonly addresses: Set<string>
}

// What is kept for each clock: times of different clocks have nothing to do with each other.
interface Known {
  readonly byId: Map<string, Entry>
  readonly byAddress: Map<string, Entry>
  /** Those with nobody in them. */
  readonly left: Set<Entry>
}

/**
 * @category models
 * @since 0.1.0
 */
export class Registry {
  private readonly clocks = new WeakMap<Clock.Clock, Known>()

  /** The sender of an address, if there is one. */
  find(clock: Clock.Clock, address: Sender.Address): Sender.Sender | undefined {
    const known = this.clocks.get(clock)
    if (known === undefined || known.byId.size === 0) return undefined
    forget(known, clock)
    return known.byAddress.get(name(address))?.sender
  }

  /** Joins the sender of a key, or else of the address; it is made where there is none. Returns how to leave it. */
  join(clock: Clock.Clock, address: Sender.Address, key: string | undefined): readonly [Sender.Sender, () => void] {
    const known = this.clocks.get(clock) ?? { byId: new Map(), byAddress: new Map(), left: new Set() }
    this.clocks.set(clock, known)
    forget(known, clock)
    const at = name(address)
    const id = key ?? at
    const entry = known.byId.get(id) ?? {
      sender: Sender.make(key ?? shortName(address), clock),
      id,
      addresses: new Set()
    }
    known.byId.set(id, entry)
    known.left.delete(entry)
    if (!known.byAddress.has(at)) {
      known.byAddress.set(at, entry)
      entry.addresses.add(at)
    }
    return [
      entry.sender,
      () => {
        if (!entry.sender.isEmpty()) return
        known.left.add(entry)
        forget(known, clock)
      }
    ]
  }
}

const forget = (known: Known, clock: Clock.Clock): void => {
  if (known.left.size === 0) return
  const now = Monotonic.millis(clock)
  for (const entry of known.left) {
    if (!entry.sender.isOver(now)) continue
    known.left.delete(entry)
    known.byId.delete(entry.id)
    for (const address of entry.addresses) known.byAddress.delete(address)
  }
}

const shortName = ({ tenant, vendor }: Sender.Address): string =>
  tenant === undefined ? vendor : `${vendor}/${tenant}`

// No URL holds a space.
const name = (address: Sender.Address): string =>
  address.place === undefined ? shortName(address) : `${address.place} ${shortName(address)}`

/**
 * Where senders are found. Default: one registry for the whole process.
 *
 * @category services
 * @since 0.1.0
 */
export const Senders = Context.Reference<Registry>("effect-patchbay/policy/Senders", {
  defaultValue: () => ofProcess
})

const ofProcess = new Registry()

/**
 * Senders that are shared with nobody outside: for a test on the real clock, or an app that is to be kept apart.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerApart: Layer.Layer<never> = Layer.fresh(Layer.sync(Senders, () => new Registry()))

/**
 * Joins the sender of a vendor and key until the scope closes; the first who comes makes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function* <R = never>(
  options: Options<R> & {
    readonly member?: Sender.Member | undefined
    readonly budget?: RetryPolicy.RetryPolicy["budget"]
  }
): Effect.fn.Return<Sender.Sender, never, R | Scope.Scope> {
  const { breaker, budget, concurrency = ConcurrencyPolicy.fixed(8), tenant, vendor, place } = options
  const rateLimit: RateLimitPolicy.RateLimitPolicy<R> = options.rateLimit ?? RateLimitPolicy.find()
  const address = { vendor, tenant, place }
  const clock = yield* Clock.Clock
  const registry = yield* Senders
  const isShared = rateLimit._tag === "Known" && rateLimit.shared
  const sharedKey = isShared ? (rateLimit.key ?? name(address)) : undefined
  // The scope ends nothing but the stream of the breaker's transitions, which nobody reads.
  const circuit = breaker === undefined ? undefined : yield* CircuitBreakerPolicy.toBreaker(breaker, sharedKey)
  const given = {
    breaker: circuit,
    shared: isShared
      ? yield* SharedLimit.make(
          rateLimit,
          rateLimit.key ?? name(address),
          circuit && CircuitBreakerPolicy.openFor(circuit, rateLimit.key ?? shortName(address))
        )
      : undefined
  }
  const member = options.member ?? Sender.silent(vendor)
  const [sender] = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const joined = registry.join(clock, address, rateLimit.key)
      joined[0].join(member, { rateLimit, concurrency, breaker, budget }, given)
      return joined
    }),
    ([sender, left]) =>
      Effect.sync(() => {
        sender.leave(member)
        left()
      })
  )
  return sender
})

/**
 * One sender, for as long as the layer lives: runs and single calls that send there go by its policies, whatever they
 * bring of their own. The client of each vendor has a layer that knows the address, such as `ReachClient.layerSender`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<never, never, Exclude<R, Scope.Scope>> =>
  Layer.effectDiscard(join(options))

/**
 * For the clients of vendors: one request that takes its turn, where there is a sender for its address and it is not
 * being sent in a turn already. `unavailable` is how it ends where the store of a shared limit is gone; by default, as a defect.
 *
 * @category combinators
 * @since 0.1.0
 */
export const turn = <A, E, R>(
  address: Sender.Address,
  send: Effect.Effect<A, E, R>,
  records = 1,
  unavailable: Effect.Effect<never, E> = noStore(address)
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (fiber.getRef(Sender.InTurn) === address.vendor) return send
    const sender = fiber.getRef(Senders).find(fiber.getRef(Clock.Clock), address)
    return sender === undefined ? send : sender.single(send, address.vendor, records, unavailable)
  })

const noStore = ({ vendor }: Sender.Address): Effect.Effect<never> =>
  Effect.die(new Error(`The store that processes share the limit of ${vendor} through gives no answer.`))
