/** What a server says when it listens to a network without protection, as --insecure allows. */
import type { Logger } from '../common/log.js'
import { isExposed, type Security } from '../exchange/security.js'

export function warnIfExposed(log: Logger, host: string, security: Security): void {
  if (!isExposed(host, security)) return
  log.warn('INSECURE: whoever reaches this port can run SQL, and read and write the files that this process can', {
    host,
  })
}
