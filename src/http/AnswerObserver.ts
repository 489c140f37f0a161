/**
 * Shows each answer's status and headers to whoever asked for it, also when the answer is a success; rate
 * limits are learned from them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

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
 * Called once for each answer, when its headers have been read. Default: nothing happens.
 *
 * @category configuration
 * @since 0.1.0
 */
export const AnswerObserver = Context.Reference<(answer: Answer) => void>("effect-patchbay/http/AnswerObserver", {
  defaultValue: () => () => {}
})
