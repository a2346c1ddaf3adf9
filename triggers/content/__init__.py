"""Letters: the template language, compiling, filling, inlining, the text part."""
