from tests.runner import main

raise SystemExit(main())
