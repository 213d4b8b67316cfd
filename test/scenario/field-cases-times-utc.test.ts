/** Times under UTC; the same under another zone is a file, and so a process, of its own. */
import { testEpochTimes } from "../support/epoch-times.ts";

testEpochTimes("UTC", 0);
