/** What a sync may be asked for, by how its destination behaves. */
import * as SettlePolicy from "../../policy/SettlePolicy.ts"
import type { Behaviour } from "./Destination.ts"

declare const why: unique symbol

/**
 * An option that is not lawful for a destination. No value has this type: it is there for the compiler to say why.
 *
 * @category models
 * @since 0.1.0
 */
export type Unlawful<Option, Why extends string> = Option & { readonly [why]: Why }

/** An option for destinations of which it is known that what they are, `Is`, is `Must`. */
export type Lawful<Option, Is, Must, Why extends string> = [Is] extends [Must] ? Option : Unlawful<Option, Why>

/**
 * The options of a sync that depend on how its destination behaves.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface BehaviourOptions<B extends Behaviour> {
  /**
   * What is done with records of one key that meet in one batch: `merge` them into one, `keep` both in their order, or
   * `split` them into two batches. Default: `keep` where the destination keeps order within a batch, otherwise `split`.
   */
  // Written out here, because the compiler would show a type of its own by its name.
  readonly sameKey?:
    | "split"
    | Lawful<"keep", B["order"], "within", "only for destinations whose order is within">
    | Lawful<"merge", B["writing"], "merge", "only for destinations whose writing is merge">
    | undefined
  /**
   * When a batch is done: when it is `accepted`, or when it is `applied`; a policy says how that is waited for. Default:
   * `applied`, under `SettlePolicy.make()`, because there is no order between accepted batches. `accepted` is faster, for
   * sources in which each key comes once.
   */
  readonly settle?:
    | Lawful<Settle, B["acceptance"], "accepted", "only for destinations whose acceptance is accepted">
    | undefined
  /**
   * Whether a refused batch is taken apart to find the records at fault (`halve`), which gives up its atomicity, or
   * rejected whole (`none`); or taken apart with so many requests in all. Default: `halve`, with 10,000.
   */
  readonly isolate?:
    | Lawful<Isolate, B["failureUnit"], "batch", "only for destinations whose failureUnit is batch">
    | undefined
  /**
   * Whether a batch whose answer never came (a timeout, a connection that broke) is sent again; if not, it is `Unknown` at
   * once. Sending again leaves the same end state, but the vendor may act on each write. Default: true where it is safe.
   */
  // Not of `true`: the compiler (7.0.2) ends in a panic when types of types compare that.
  readonly retryUnknown?:
    | false
    | ([B["resend"]] extends ["safe"] ? true : Unlawful<object, "only for destinations whose resend is safe">)
    | undefined
}

type Settle = "accepted" | "applied" | SettlePolicy.SettlePolicy
type Isolate = "halve" | "none" | { readonly requests: number }

// About 800 bad records found one by one in batches of 1,000: more says that something else is wrong.
const defaultRequests = 10_000

/** What was chosen, or is the default. */
export const choices = (
  { acceptance, order }: Behaviour,
  options: {
    readonly sameKey?: "keep" | "merge" | "split" | undefined
    readonly settle?: Settle | undefined
    readonly isolate?: Isolate | undefined
    readonly retryUnknown?: boolean | Unlawful<object, string> | undefined
  }
) => {
  const { isolate = "halve", retryUnknown, sameKey = order === "within" ? "keep" : "split", settle } = options
  const isSettled = acceptance === "accepted" && settle !== "accepted"
  return {
    sameKey,
    settle: isSettled ? ("applied" as const) : ("accepted" as const),
    settlePolicy: typeof settle === "object" ? settle : SettlePolicy.make(),
    isolate: isolate === "none" ? isolate : ("halve" as const),
    isolateRequests: typeof isolate === "object" ? isolate.requests : defaultRequests,
    retryUnknown: retryUnknown !== false
  }
}
