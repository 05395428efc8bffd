/** When V8 optimizes JavaScript, in processes whose cores have other work. */
import { setFlagsFromString } from 'node:v8'

/**
 * Bytes of bytecode that a function runs before V8 looks whether to optimize it; V8's own number is 67 584. Every thread optimizes for
 * itself, on helper threads that take the cores from the tasks. The loops over rows are kernels, which gain nothing from that, and the
 * JavaScript around them little (docs/adr/0032). V8 knows this number for the whole process only.
 */
const OPTIMIZE_AFTER_BYTES = 1_000_000
const OPTIMIZE_FLAG = '--interrupt-budget'

/** For this process and all its threads, unless it was started with a number of its own. */
export function optimizeLess(): void {
  const isSet = (flag: string): boolean => flag.replaceAll('_', '-').startsWith(OPTIMIZE_FLAG)
  if (!process.execArgv.some(isSet)) setFlagsFromString(`${OPTIMIZE_FLAG}=${OPTIMIZE_AFTER_BYTES}`)
}
