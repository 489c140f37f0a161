/** Faults of the transport by the platform's codes. */
import * as Predicate from "effect/Predicate"

// What Node and undici report.
const noConnection =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_[A-Z]+|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/

/** Whether no connection was made, so that nothing can have been sent. */
export const neverConnected = (code: string): boolean => noConnection.test(code)

/**
 * The platform's code of a fault, if it has one. A code is a constant; a message could quote what was sent, so it is left
 * behind. Clients wrap the fault in errors of their own, and Node gathers one for each address that it tried.
 */
export const of = (error: unknown): string | undefined => {
  for (let cause = error, depth = 0; Predicate.isObject(cause) && depth < 5; depth++) {
    if (Predicate.isString(cause.code) && /^[A-Z][A-Z0-9_]{2,63}$/.test(cause.code)) return cause.code
    const inner: unknown = cause.cause
    cause = inner ?? (Array.isArray(cause.errors) ? cause.errors[0] : undefined)
  }
  return undefined
}
