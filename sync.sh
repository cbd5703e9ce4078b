cp -r src/prunetext/* .venv/lib/python3.11/site-packages/prunetext/
