/**
 * What Pocketflows' page "Update multiple customers" says (OpenAPI 3.0.3, Pocketflows API 0.0.4), in the
 * notation of `Notation.ts`. It is true to that page, not to this library; `deviations.ts` says where the
 * two differ.
 */
import type { Contract } from "./Notation.ts"

export const pocketflowsContract: Contract = {
  server: "https://api.pocketflows.com",
  security: "http basic",
  endpoints: {
    "POST /businesses/{id}/customers/batch_update": {
      source: "reference",
      parameters: { "path id": "string" },
      payload: {
        body: {
          customers: [
            {
              id: "string",
              "phone_number?": "string | null",
              "email_address?": "string | null",
              "metadata?": "{*} | null",
              "full_name?": "string | null"
            }
          ]
        }
      },
      answers: {
        200: {
          customers: [
            {
              id: "string",
              external_id: "string | null",
              email_address: "string | null",
              phone_number: "string | null",
              full_name: "string | null",
              metadata: "{*}",
              unsubscribed: '"future" | "campaign" | null'
            }
          ]
        }
      }
    }
  }
}
