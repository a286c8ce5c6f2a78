import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'releases' });
  return (
    <div className="page">
      <h1 className="ti">releases</h1>
    </div>
  );
}
