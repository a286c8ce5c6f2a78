import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'release-new' });
  return (
    <div className="page">
      <h1 className="ti">release-new</h1>
    </div>
  );
}
