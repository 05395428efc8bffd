/** The other half of the seeds of simulator.test.ts: both run at the same time. */
import { testSeeds } from './seeds.js'

testSeeds(1)
