/**
 * Shows each answer's status and headers to whoever asked for it, also when the answer is a success; rate
 * limits are learned from them, and when the next request may go out.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * An answer without its body.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly vendor: string
  /** The HTTP status. */
  readonly status: number
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string | undefined }
}

/**
 * Whoever wants to know of an answer. Each is called once at most.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  /** Its headers have been read. */
  readonly onHeaders: (answer: Answer) => void
  /** Its body has been read, too: the request has ended. What is given runs before the body is decoded. */
  readonly onEnd: (answer: Answer) => Effect.Effect<void>
}

/**
 * Who is told. Default: nobody.
 *
 * @category configuration
 * @since 0.1.0
 */
export const AnswerObserver = Context.Reference<Observer>("effect-patchbay/http/AnswerObserver", {
  defaultValue: () => ({ onHeaders: () => {}, onEnd: () => Effect.void })
})
